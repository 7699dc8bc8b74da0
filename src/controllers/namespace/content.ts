/** Empties a namespace, resource by resource, pods first. upstream: pkg/controller/namespace/deletion/namespaced_resources_deleter.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { KubeList, KubeObject } from "#api/meta/object.ts";
import { isNotFound, isStatus } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { errorText } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { discoverResources, type ServedResource } from "../discovery/resources.ts";
import { isTerminal } from "../pods/pod-state.ts";
import { unexpectedItems, type Emptying, type Remainder } from "./conditions.ts";

/** Upstream's guess of how long a finalizer takes. */
const finalizerSeconds = 15;
/** Resources that are emptied at the same time. */
const atOnceMax = 8;

export interface EmptyingResult extends Emptying {
  readonly remaining: readonly Remaining[];
  /** How long what remains will take; 0 when nothing does. */
  readonly estimateSeconds: number;
}

export interface Remaining extends Remainder {
  readonly resource: ResourceRef;
  /** Of the list that showed what remains: where a watch goes on. */
  readonly revision: string;
}

export interface DoomedNamespace {
  readonly name: string;
  /** Since its deletion. */
  readonly ageMs: number;
}

interface Leftover {
  readonly remaining: Remaining | undefined;
  readonly estimateSeconds: number;
  readonly failure: string | undefined;
}

export async function emptyNamespace(namespace: DoomedNamespace, client: Client): Promise<EmptyingResult> {
  const { resources, failures } = await discoverResources(client.transport);
  const deletable = resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes("delete"));
  const pods = deletable.filter(isPods);
  // Pods may need what else is in the namespace until their end (a network policy, a secret): they go first.
  const podsLeft = await emptyAll(pods, namespace, client);
  const leftovers = podsLeft.some(({ remaining }) => remaining !== undefined)
    ? podsLeft
    : [
        ...podsLeft,
        ...(await emptyAll(
          deletable.filter((one) => !isPods(one)),
          namespace,
          client,
        )),
      ];
  return {
    discoveryFailures: failures,
    contentFailures: leftovers.map(({ failure }) => failure).filter((failure) => failure !== undefined),
    remaining: leftovers.map(({ remaining }) => remaining).filter((remaining) => remaining !== undefined),
    estimateSeconds: Math.max(0, ...leftovers.map(({ estimateSeconds }) => estimateSeconds)),
  };
}

const isPods = ({ group, resource }: ServedResource): boolean => group === "" && resource === "pods";

async function emptyAll(
  resources: readonly ServedResource[],
  namespace: DoomedNamespace,
  client: Client,
): Promise<Leftover[]> {
  const leftovers: Leftover[] = [];
  for (let at = 0; at < resources.length; at += atOnceMax) {
    const some = resources.slice(at, at + atOnceMax);
    leftovers.push(...(await Promise.all(some.map((resource) => emptyOne(resource, namespace, client)))));
  }
  return leftovers;
}

async function emptyOne(
  resource: ServedResource,
  namespace: DoomedNamespace,
  client: Client,
): Promise<Leftover> {
  const known: Leftover = { remaining: undefined, estimateSeconds: 0, failure: undefined };
  try {
    const before = await listAll(resource, namespace.name, client);
    if (before !== undefined && before.items.length === 0) return known;
    const graceSeconds =
      before !== undefined && isPods(resource) ? podSeconds(before.items, namespace.ageMs) : 0;
    await deleteAll(resource, namespace.name, { client, known: before?.items ?? [] });
    const after = await listAll(resource, namespace.name, client);
    if (after === undefined || after.items.length === 0) return known;
    const remaining: Remaining = {
      resource,
      count: after.items.length,
      finalizers: countFinalizers(after.items),
      revision: after.metadata.resourceVersion ?? "",
    };
    if (graceSeconds > 0) return { ...known, remaining, estimateSeconds: graceSeconds };
    if (remaining.finalizers.size > 0) return { ...known, remaining, estimateSeconds: finalizerSeconds };
    return { ...known, remaining, failure: unexpectedItems(namespace.name, resource) };
  } catch (error) {
    // The resource itself is gone since discovery named it (a definition deleted meanwhile).
    if (isNotFound(error)) return known;
    return { ...known, failure: errorText(error) };
  }
}

/** Undefined when the resource can't be listed. */
async function listAll(
  resource: ServedResource,
  namespace: string,
  client: Client,
): Promise<KubeList | undefined> {
  if (!resource.verbs.includes("list")) return undefined;
  return client.resource(resource, namespace).list();
}

interface DeleteDeps {
  readonly client: Client;
  readonly known: readonly KubeObject[];
}

async function deleteAll(resource: ServedResource, namespace: string, deps: DeleteDeps): Promise<void> {
  const objects = deps.client.resource(resource, namespace);
  const options = { propagationPolicy: "Background" } as const;
  if (resource.verbs.includes("deletecollection")) {
    try {
      await objects.deleteCollection(options);
      return;
    } catch (error) {
      if (!isStatus(error, "MethodNotAllowed")) throw error;
    }
  }
  for (const { metadata } of deps.known) {
    try {
      await objects.delete(metadata?.name ?? "", options);
    } catch (error) {
      if (!isNotFound(error) && !isStatus(error, "MethodNotAllowed")) throw error;
    }
  }
}

/** The longest grace period of the pods, as long as it may still last. */
function podSeconds(pods: readonly Pod[], ageMs: number): number {
  const periods = pods
    .filter((pod) => !isTerminal(pod))
    .map(({ spec }) => Number(spec?.terminationGracePeriodSeconds ?? 0));
  const longest = Math.max(0, ...periods);
  return ageMs >= longest * 1000 ? 0 : longest;
}

function countFinalizers(objects: readonly KubeObject[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { metadata } of objects) {
    for (const finalizer of metadata?.finalizers ?? []) {
      counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
    }
  }
  return counts;
}
