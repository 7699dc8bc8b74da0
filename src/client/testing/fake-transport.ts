/**
 * An API in memory for the unit tests of components: revisions, watches, conflicts, status subresources,
 * generateName, finalizers, bindings. No defaulting, validation or authorization; deletion is never graceful
 * unless a finalizer holds the object. Objects handed out are frozen.
 */
import { isMap } from "#api/patch/json-value.ts";
import { isWrittenBigint } from "#base/exact-json.ts";
import type { Clock } from "#base/clock.ts";
import { ManualClock, toRfc3339 } from "#base/clock.ts";
import { randomName, SeededRandom, type Random } from "#base/random.ts";
import {
  apiVersionOf,
  parseApiVersion,
  type AnyObject,
  type KubeObject,
  type WatchEvent,
} from "#api/meta/object.ts";
import { parseFieldSelector } from "#api/meta/fields.ts";
import { parseLabelSelector } from "#api/meta/label-parser.ts";
import {
  alreadyExistsError,
  conflictError,
  methodNotSupportedError,
  modifiedConflict,
  notFoundError,
} from "#api/meta/status.ts";
import type { Binding, Pod } from "#api/generated/types/core-v1.ts";
import type { ApiRequest, ApiResponse, Client, Transport } from "../client.ts";
import { createClient } from "../rest.ts";
import { applyPatch } from "./fake-patch.ts";
import { collectionKey, FakeStore, objectKey, type Matcher } from "./fake-store.ts";

export interface FakeOptions {
  /** What is there from the start. Kinds are found by their usual plural. */
  readonly objects?: readonly KubeObject[];
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Asked before each request: an error is thrown, an object is the answer, undefined lets the request through. */
export type Interceptor = (request: ApiRequest) => Error | KubeObject | undefined;

export interface FakeClient {
  readonly client: Client;
  readonly api: FakeApi;
}

export function createFakeClient(options: FakeOptions = {}): FakeClient {
  const clock = options.clock ?? new ManualClock();
  const api = new FakeApi(clock, options.random ?? new SeededRandom(1));
  for (const object of options.objects ?? []) api.add(object);
  return { client: createClient(api, { clock }), api };
}

interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

export class FakeApi implements Transport {
  readonly store = new FakeStore();
  /** Every request so far, without watches. */
  readonly requests: ApiRequest[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #interceptors: Interceptor[] = [];

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Puts an object in as if it had been created with its status. */
  add(object: KubeObject): void {
    const { group, version } = parseApiVersion(object.apiVersion ?? "v1");
    const { namespace = "", name = "" } = object.metadata ?? {};
    const collection = collectionKey({ group, version, resource: pluralOf(object.kind ?? "") });
    this.store.put(collection, objectKey(namespace, name), this.#born(object as AnyObject));
  }

  /** The last one given is asked first. The returned function takes it out. */
  intercept(interceptor: Interceptor): () => void {
    this.#interceptors.unshift(interceptor);
    return () => {
      const at = this.#interceptors.indexOf(interceptor);
      if (at >= 0) this.#interceptors.splice(at, 1);
    };
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    // A real server never answers before the caller has gone on.
    await Promise.resolve();
    request.signal?.throwIfAborted();
    this.requests.push(request);
    const intercepted = this.#intercepted(request);
    const body = intercepted ?? this.#answer(request, targetOf(request.path));
    return { status: request.method === "POST" ? 201 : 200, headers: {}, body };
  }

  async *watch(request: ApiRequest): AsyncGenerator<WatchEvent> {
    await Promise.resolve();
    this.#intercepted(request);
    const target = targetOf(request.path);
    const revision = queryValue(request, "resourceVersion");
    const isStreamingList = queryValue(request, "sendInitialEvents") === "true";
    const startsNow = isStreamingList || revision === "" || revision === "0";
    yield* this.store.watch(
      collectionKey(target),
      matcherOf(request, target.namespace),
      {
        revision: startsNow ? undefined : Number(revision),
        bookmark: isStreamingList ? this.#endOfList(target) : undefined,
      },
      request.signal,
    );
  }

  stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    return Promise.reject(methodNotSupportedError("", request.path, "stream"));
  }

  close(): Promise<void> {
    this.store.endWatches();
    return Promise.resolve();
  }

  #intercepted(request: ApiRequest): KubeObject | undefined {
    for (const interceptor of this.#interceptors) {
      const answer = interceptor(request);
      if (answer instanceof Error) throw answer;
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  #answer(request: ApiRequest, target: Target): unknown {
    if (target.subresource === "binding") return this.#bind(request.body, target);
    if (target.subresource === "eviction") return this.#evict(request.body, target);
    if (target.subresource === "scale") return this.#scale(request, target);
    switch (request.method) {
      case "GET":
        return target.name === "" ? this.#list(request, target) : this.#existing(target);
      case "POST":
        return this.#create(request.body as AnyObject, target);
      case "PUT":
        return this.#update(request.body as AnyObject, target);
      case "PATCH":
        return this.#patch(request, target);
      case "DELETE":
        return target.name === "" ? this.#deleteAll(request, target) : this.#delete(request.body, target);
    }
  }

  #existing(target: Target): AnyObject {
    const found = this.store.get(collectionKey(target), objectKey(target.namespace, target.name));
    if (found === undefined) throw notFoundError(target);
    return found;
  }

  #list(request: ApiRequest, target: Target): unknown {
    const items = this.store.list(collectionKey(target), matcherOf(request, target.namespace));
    return {
      kind: "List",
      apiVersion: "v1",
      metadata: { resourceVersion: String(this.store.revision) },
      items,
    };
  }

  #endOfList(target: Target): AnyObject {
    return {
      apiVersion: apiVersionOf(target),
      metadata: {
        resourceVersion: String(this.store.revision),
        annotations: { "k8s.io/initial-events-end": "true" },
      },
    };
  }

  #create(body: AnyObject, target: Target): AnyObject {
    const generateName = body.metadata?.generateName;
    const own = body.metadata?.name ?? target.name;
    const name = own === "" && generateName !== undefined ? generateName + randomName(this.#random, 5) : own;
    const key = objectKey(target.namespace, name);
    const isTaken = this.store.get(collectionKey(target), key) !== undefined;
    if (isTaken) throw alreadyExistsError({ ...target, name });
    const object = this.#born(body);
    const namespace = target.namespace === "" ? {} : { namespace: target.namespace };
    object.metadata = { ...object.metadata, ...namespace, name };
    return this.store.put(collectionKey(target), key, object);
  }

  #born(body: AnyObject): AnyObject {
    const metadata = {
      uid: this.#random.uuid(),
      creationTimestamp: toRfc3339(this.#clock.now()),
      ...("spec" in body ? { generation: 1 } : {}),
      ...body.metadata,
    };
    return { ...structuredClone(body), metadata };
  }

  #update(body: AnyObject, target: Target): AnyObject {
    const old = this.#existing(target);
    checkPreconditions(old, body.metadata ?? {}, target);
    return this.#replace(old, body, target);
  }

  #replace(old: AnyObject, body: AnyObject, target: Target): AnyObject {
    const next = target.subresource === "status" ? withStatusOf(old, body) : withSpecOf(old, body);
    const key = objectKey(target.namespace, target.name);
    const isReleased =
      next.metadata?.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
    if (isReleased) return this.store.remove(collectionKey(target), key);
    if (isSame(old, next)) return old;
    return this.store.put(collectionKey(target), key, next);
  }

  #patch(request: ApiRequest, target: Target): AnyObject {
    const isApply = request.contentType === "application/apply-patch+yaml";
    if (
      isApply &&
      this.store.get(collectionKey(target), objectKey(target.namespace, target.name)) === undefined
    ) {
      return this.#create(request.body as AnyObject, target);
    }
    const old = this.#existing(target);
    return this.#update(applyPatch(old, request.contentType ?? "", request.body), target);
  }

  #delete(options: unknown, target: Target): AnyObject {
    const old = this.#existing(target);
    const { preconditions, propagationPolicy } = (options ?? {}) as DeleteBody;
    checkPreconditions(old, preconditions ?? {}, target);
    const finalizers = old.metadata?.finalizers ?? [];
    const wanted = [...new Set([...finalizers, ...(policyFinalizers[propagationPolicy ?? ""] ?? [])])];
    const key = objectKey(target.namespace, target.name);
    if (wanted.length === 0) return this.store.remove(collectionKey(target), key);
    const deletionTimestamp = old.metadata?.deletionTimestamp ?? toRfc3339(this.#clock.now());
    const next = {
      ...old,
      metadata: { ...old.metadata, finalizers: wanted, deletionTimestamp, deletionGracePeriodSeconds: 0 },
    };
    return isSame(old, next) ? old : this.store.put(collectionKey(target), key, next);
  }

  #deleteAll(request: ApiRequest, target: Target): unknown {
    const doomed = this.store.list(collectionKey(target), matcherOf(request, target.namespace));
    for (const { metadata } of doomed) {
      this.#delete(request.body, {
        ...target,
        namespace: metadata?.namespace ?? "",
        name: metadata?.name ?? "",
      });
    }
    return success;
  }

  #evict(eviction: unknown, target: Target): unknown {
    this.#delete((eviction as { deleteOptions?: unknown }).deleteOptions, target);
    return success;
  }

  #bind(binding: unknown, target: Target): unknown {
    const pod = this.#existing(target) as Pod;
    const nodeName = (binding as Binding).target.name;
    const already = pod.spec?.nodeName ?? "";
    if (already !== "") {
      throw conflictError(
        target,
        `pod ${target.name} is already assigned to node ${JSON.stringify(already)}`,
      );
    }
    const lastTransitionTime = toRfc3339(this.#clock.now());
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
    const conditions = [...others, { type: "PodScheduled", status: "True", lastTransitionTime }];
    this.store.put(collectionKey(target), objectKey(target.namespace, target.name), {
      ...pod,
      spec: { ...pod.spec, nodeName },
      status: { ...pod.status, conditions },
    });
    return success;
  }

  #scale(request: ApiRequest, target: Target): unknown {
    const old = this.#existing(target) as AnyObject & {
      spec?: { replicas?: number };
      status?: { replicas?: number };
    };
    const { replicas } =
      request.method === "GET" ? (old.spec ?? {}) : ((request.body as typeof old).spec ?? {});
    const now =
      request.method === "GET"
        ? old
        : this.#replace(old, { ...old, spec: { ...old.spec, replicas } }, { ...target, subresource: "" });
    const { name, namespace, uid, resourceVersion } = now.metadata ?? {};
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name, namespace, uid, resourceVersion },
      spec: { replicas },
      status: { replicas: old.status?.replicas ?? 0 },
    };
  }
}

const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" } as const;

interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

interface DeleteBody {
  readonly propagationPolicy?: string;
  readonly preconditions?: Preconditions;
}

function checkPreconditions(old: AnyObject, wanted: Preconditions, target: Target): void {
  const { uid, resourceVersion } = old.metadata ?? {};
  if (wanted.uid !== undefined && wanted.uid !== uid) {
    const texts = `UID in precondition: ${wanted.uid}, UID in object meta: ${uid ?? ""}`;
    throw conflictError(target, `Precondition failed: ${texts}`);
  }
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion) {
    throw modifiedConflict(target);
  }
}

const policyFinalizers: Readonly<Record<string, readonly string[]>> = {
  Foreground: ["foregroundDeletion"],
  Orphan: ["orphan"],
};

function withStatusOf(old: AnyObject, body: AnyObject): AnyObject {
  return { ...old, status: body["status"] };
}

/** What a client can't change stays; a changed spec makes a new generation. */
function withSpecOf(old: AnyObject, body: AnyObject): AnyObject {
  const {
    uid,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation = 0,
  } = old.metadata ?? {};
  const isNewSpec = "spec" in old && !isSame(old["spec"], body["spec"]);
  const kept = { deletionTimestamp, deletionGracePeriodSeconds };
  return {
    ...body,
    ...("status" in old ? { status: old["status"] } : {}),
    metadata: {
      ...body.metadata,
      uid,
      creationTimestamp,
      ...(deletionTimestamp === undefined ? {} : kept),
      ...("spec" in old ? { generation: isNewSpec ? Number(generation) + 1 : generation } : {}),
    },
  };
}

/** But for resourceVersion, which every write changes. */
function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (name, child: unknown) => {
    if (name === "resourceVersion") return undefined;
    if (!isMap(child) || isWrittenBigint(child)) return child;
    return Object.fromEntries(Object.entries(child).toSorted(([x], [y]) => (x < y ? -1 : 1)));
  });
}

/** Parses "/apis/apps/v1/namespaces/ns/deployments/web/status". */
function targetOf(path: string): Target {
  const [root, ...rest] = path.split("/").slice(1).map(decodeURIComponent);
  const [group = "", version = ""] = root === "api" ? ["", ...rest.splice(0, 1)] : rest.splice(0, 2);
  const isScoped = rest[0] === "namespaces" && rest.length > 2 && !namespaceSubresources.has(rest[2] ?? "");
  const [, namespace = ""] = isScoped ? rest.splice(0, 2) : [];
  const [resource = "", name = "", subresource = ""] = rest;
  return { group, version, resource, namespace, name, subresource };
}

const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);

function queryValue(request: ApiRequest, name: string): string {
  const value = request.query?.[name];
  return typeof value === "string" ? value : (value?.[0] ?? "");
}

/** Field selectors know every field by its path, where a real server knows a few. */
function matcherOf(request: ApiRequest, namespace: string): Matcher {
  const labels = parseLabelSelector(queryValue(request, "labelSelector"));
  const fields = parseFieldSelector(queryValue(request, "fieldSelector"));
  return (object) =>
    (namespace === "" || object.metadata?.namespace === namespace) &&
    labels.matches(object.metadata?.labels ?? {}) &&
    fields.matches((field) => fieldOf(object, field));
}

function fieldOf(object: unknown, path: string): string | undefined {
  let value = object;
  for (const name of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

/** "NetworkPolicy" is found at "networkpolicies". upstream: apimachinery/pkg/api/meta/restmapper.go */
function pluralOf(kind: string): string {
  const single = kind.toLowerCase();
  if (single === "endpoints") return single;
  if (/(s|x|ch|sh)$/.test(single)) return `${single}es`;
  return single.endsWith("y") && !single.endsWith("ay") ? `${single.slice(0, -1)}ies` : `${single}s`;
}
