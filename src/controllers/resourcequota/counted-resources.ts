/**
 * What quotas count, and when some of it goes. Only resources that a quota names are watched.
 * upstream: pkg/controller/resourcequota/resource_quota_monitor.go
 */
import type { PersistentVolumeClaim, Pod, Service } from "#api/generated/types/core-v1.ts";
import { isSame } from "#api/meta/field-rules.ts";
import { qualifiedResource, type KubeObject } from "#api/meta/object.ts";
import { isQuotaPod } from "#api/quota/pods.ts";
import { quotaServiceType } from "#api/quota/services.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { customResourceDefinitions, persistentVolumeClaims, pods, services } from "#api/resources.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import { discoverResources } from "../discovery/resources.ts";

export interface CountedResourcesDeps {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
}

export interface CountedResourcesEvents {
  /** Some object counts no more, or less than before. */
  freed(resource: string, namespace: string): void;
  /** A resource that was asked for in vain may be served now. */
  appeared(): void;
}

export class CountedResources {
  readonly #deps: CountedResourcesDeps;
  readonly #events: CountedResourcesEvents;
  readonly #watched = new Map<string, ResourceRef>();
  readonly #unknown = new Set<string>();

  constructor(deps: CountedResourcesDeps, events: CountedResourcesEvents) {
    this.#deps = deps;
    this.#events = events;
    const { informers, clock } = deps;
    this.#watch(pods, (pod: Pod, old: Pod) => isFreedPod(pod, old, clock.now()));
    this.#watch(
      services,
      (service: Service, old: Service) => quotaServiceType(service) !== quotaServiceType(old),
    );
    this.#watch(persistentVolumeClaims, isShrunkClaim);
    informers.informer(customResourceDefinitions).addHandler({
      add: () => {
        this.#reconsider();
      },
      update: () => {
        this.#reconsider();
      },
    });
  }

  /** Undefined when nobody serves the resource. */
  async list(
    resource: string,
    namespace: string,
    signal: AbortSignal,
  ): Promise<readonly KubeObject[] | undefined> {
    const ref = this.#watched.get(resource) ?? (await this.#discover(resource));
    if (ref === undefined) return undefined;
    const { hasSynced, lister } = this.#deps.informers.informer(ref);
    if (hasSynced) return lister.list(namespace);
    return (await this.#deps.client.resource(ref, namespace).list(undefined, signal)).items;
  }

  #watch<T extends KubeObject>(ref: ResourceRef<T>, isFreed: (object: T, old: T) => boolean): void {
    const resource = qualifiedResource(ref.group, ref.resource);
    this.#watched.set(resource, ref);
    this.#deps.informers.informer(ref).addHandler({
      update: (object, old) => {
        if (isFreed(object, old)) this.#events.freed(resource, object.metadata?.namespace ?? "");
      },
      delete: ({ metadata }) => {
        this.#events.freed(resource, metadata?.namespace ?? "");
      },
    });
  }

  async #discover(resource: string): Promise<ResourceRef | undefined> {
    const { resources } = await discoverResources(this.#deps.client.transport);
    const found = resources.find(
      (each) => each.namespaced && qualifiedResource(each.group, each.resource) === resource,
    );
    if (found === undefined || !["list", "watch"].every((verb) => found.verbs.includes(verb))) {
      this.#unknown.add(resource);
      return undefined;
    }
    this.#unknown.delete(resource);
    if (!this.#watched.has(resource)) this.#watch(found, () => false);
    return found;
  }

  #reconsider(): void {
    if (this.#unknown.size > 0) this.#events.appeared();
  }
}

function isFreedPod(pod: Pod, old: Pod, nowMs: number): boolean {
  if (isQuotaPod(old, nowMs) && !isQuotaPod(pod, nowMs)) return true;
  const [now, before] = [givenTo(pod), givenTo(old)];
  return now !== undefined && before !== undefined && !isSame(now, before);
}

const givenTo = ({ status }: Pod): unknown =>
  status?.containerStatuses?.map(({ allocatedResources }) => allocatedResources ?? {});

const isShrunkClaim = (claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean =>
  !isSame(claim.status?.allocatedResources, old.status?.allocatedResources);
