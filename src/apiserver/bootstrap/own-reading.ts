/** What the server itself reads of what is stored, and what of it can't be read: the rest is served all the same. */
import { qualifiedResource, type GroupVersionResource } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Logger } from "#base/log.ts";
import type { OwnedInformers } from "#client/cache/informer.ts";
import type { ResourceCache } from "#apiserver/registry/resource-cache.ts";
import { followedResources } from "./followed-resources.ts";

export interface OwnReadingDeps {
  readonly informers: OwnedInformers;
  readonly log: Logger;
  /** Of a resource by its qualified name, if it is kept. */
  readonly cacheOf: (resource: string) => ResourceCache | undefined;
}

export class OwnReading {
  readonly #deps: OwnReadingDeps;

  constructor(deps: OwnReadingDeps) {
    this.#deps = deps;
  }

  /** Some of its objects can't be read. */
  isUnreadable({ group, resource }: Pick<GroupVersionResource, "group" | "resource">): boolean {
    return this.#deps.cacheOf(qualifiedResource(group, resource))?.unreadable.isEmpty === false;
  }

  /** What keeps the server from being ready. */
  unsynced(): readonly ResourceRef[] {
    const unreadable = followedResources.filter((ref) => this.isUnreadable(ref));
    return [...new Set([...this.#deps.informers.unsynced(), ...unreadable])];
  }

  /** What can't be done now is looked after again. */
  async ifReadable(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof StatusError && error.code === 500)) throw error;
      this.#deps.log.warn("an object of the server's own can't be read", { reason: error.message });
    }
  }
}
