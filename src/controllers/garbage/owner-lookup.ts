/** Whether the owners that an object names exist, by the live API. upstream: garbagecollector.go isDangling, classifyReferences */
import type { Logger } from "#base/log.ts";
import { parseApiVersion, type ObjectMeta, type OwnerReference } from "#api/meta/object.ts";
import type { EventRecorder } from "#client/events/recorder.ts";
import type { ServedResource } from "../discovery/resources.ts";
import { apiVersionOf } from "#api/meta/object.ts";
import { foregroundFinalizer, type OwnerGraph } from "./graph.ts";
import type { LiveObjects, ObjectAddress } from "./objects.ts";

export interface Classified {
  readonly solid: readonly OwnerReference[];
  /** They don't exist. */
  readonly dangling: readonly OwnerReference[];
  /** They go when their dependents have gone. */
  readonly waiting: readonly OwnerReference[];
}

/** Nothing of the owner's kind is served: whether it exists can't be known. */
export class UnknownKindError extends Error {
  override readonly name = "UnknownKindError";
  readonly code = "UNKNOWN_KIND";
}

export interface OwnerLookupDeps {
  readonly objects: LiveObjects;
  readonly graph: OwnerGraph;
  readonly find: (group: string, kind: string) => ServedResource | undefined;
  readonly events: EventRecorder;
  readonly log: Logger;
}

/** Upstream's number of absent owners to remember. */
const absentMax = 500;

export class OwnerLookup {
  readonly #deps: OwnerLookupDeps;
  /** Owners that didn't exist when asked for; a uid never comes back. */
  readonly #absent = new Set<string>();

  constructor(deps: OwnerLookupDeps) {
    this.#deps = deps;
  }

  /** Undefined when a reference makes no sense: nothing may be concluded, now or later. */
  async classify(
    dependent: ObjectAddress,
    references: readonly OwnerReference[],
  ): Promise<Classified | undefined> {
    const solid: OwnerReference[] = [];
    const dangling: OwnerReference[] = [];
    const waiting: OwnerReference[] = [];
    for (const reference of references) {
      const resource = this.#deps.find(parseApiVersion(reference.apiVersion).group, reference.kind);
      if (resource === undefined) {
        throw new UnknownKindError(`${reference.apiVersion} ${reference.kind}, named by ${dependent.name}`);
      }
      if (resource.namespaced && dependent.namespace === "") {
        this.#deps.log.warn("a cluster-scoped object names an owner that has a namespace", {
          resource: dependent.resource.resource,
          name: dependent.name,
          owner: reference.name,
        });
        return undefined;
      }
      const owner = await this.#owner(dependent, reference, resource);
      if (owner === undefined) dangling.push(reference);
      else if (isWaiting(owner)) waiting.push(reference);
      else solid.push(reference);
    }
    return { solid, dangling, waiting };
  }

  async #owner(
    dependent: ObjectAddress,
    { uid, name, kind }: OwnerReference,
    resource: ServedResource,
  ): Promise<ObjectMeta | undefined> {
    const namespace = resource.namespaced ? dependent.namespace : "";
    const key = [resource.group, kind, namespace, name, uid].join("/");
    if (this.#absent.has(key)) return undefined;
    const owner = await this.#deps.objects.read({ resource, namespace, name, uid });
    if (owner !== undefined) return owner;
    this.#remember(key);
    this.#tellIfElsewhere(dependent, { resource, namespace, name, uid });
    return undefined;
  }

  #remember(key: string): void {
    if (this.#absent.size >= absentMax) {
      const [oldest] = this.#absent;
      if (oldest !== undefined) this.#absent.delete(oldest);
    }
    this.#absent.add(key);
  }

  /** Owners are looked for in the dependent's own namespace: users who expect otherwise are told. */
  #tellIfElsewhere(dependent: ObjectAddress, { resource, namespace, name, uid }: ObjectAddress): void {
    const node = this.#deps.graph.get(uid);
    if (node?.resource === undefined || node.namespace === namespace) return;
    const reference = `[${apiVersionOf(resource)}/${resource.kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    this.#deps.events.event(
      {
        apiVersion: apiVersionOf(dependent.resource),
        kind: dependent.resource.kind,
        namespace: dependent.namespace,
        name: dependent.name,
        uid: dependent.uid,
      },
      "Warning",
      "OwnerRefInvalidNamespace",
      `ownerRef ${reference} does not exist in namespace "${namespace}"`,
    );
  }
}

const isWaiting = ({ deletionTimestamp, finalizers = [] }: ObjectMeta): boolean =>
  deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer);
