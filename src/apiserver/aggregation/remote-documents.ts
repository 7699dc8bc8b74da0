/** What remote servers have published, kept until they publish something else or their APIService is gone. */
import { isDeepStrictEqual } from "node:util";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { APIResourceDiscovery } from "#api/generated/types/apidiscovery-v2.ts";
import type { GroupVersion } from "#api/meta/object.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Clock } from "#base/clock.ts";
import type { OpenApiSource } from "#apiserver/openapi/v3.ts";
import type { RemoteVersion } from "#apiserver/discovery/remote-groups.ts";
import { groupVersionOf } from "./group-version.ts";
import { fetchDiscovery, type Fetch } from "./remote-discovery.ts";
import { fetchOpenApi } from "./remote-openapi.ts";

export interface RemoteDocumentsDeps {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Published {
  readonly spec: APIService["spec"];
  readonly own: GroupVersion;
  readonly resources: readonly APIResourceDiscovery[];
  readonly isStale: boolean;
  readonly openapi: OpenApiSource | undefined;
  readonly refreshedAt: number;
}

/** upstream: "Refresh external Services every minute" */
const refreshMs = 60_000;

export class RemoteDocuments {
  readonly #deps: RemoteDocumentsDeps;
  readonly #published = new Map<string, Published>();
  #versions: readonly RemoteVersion[] = [];

  constructor(deps: RemoteDocumentsDeps) {
    this.#deps = deps;
  }

  /** For discovery. Another array when something has changed. */
  get versions(): readonly RemoteVersion[] {
    return this.#versions;
  }

  openapi(): readonly OpenApiSource[] {
    return [...this.#published.values()].flatMap(({ openapi }) => openapi ?? []);
  }

  /** The group version is there from now on, though nothing is known of it yet. */
  note(name: string, service: APIService): void {
    const known = this.#published.get(name);
    if (known !== undefined && isDeepStrictEqual(known.spec, service.spec)) return;
    this.#publish(name, {
      spec: service.spec,
      own: groupVersionOf(service.spec ?? {}),
      resources: known?.resources ?? [],
      isStale: true,
      openapi: known?.openapi,
      refreshedAt: Number.NEGATIVE_INFINITY,
    });
  }

  /** Asks the server, unless it was asked a short while ago. Never rejects. */
  async refresh(name: string, service: APIService): Promise<void> {
    const known = this.#published.get(name);
    if (known === undefined || this.#deps.clock.monotonic() < known.refreshedAt + refreshMs) return;
    const refreshedAt = this.#deps.clock.monotonic();
    const [resources, openapi] = await Promise.all([
      this.#attempt(name, "discovery", fetchDiscovery(service, known.own, this.#deps.fetch)),
      this.#attempt(name, "openapi", fetchOpenApi(service, known.own, this.#deps.fetch)),
    ]);
    // Changed or deleted meanwhile: what was fetched is of something else.
    if (this.#published.get(name) !== known) return;
    this.#publish(name, {
      ...known,
      resources: resources ?? known.resources,
      isStale: resources === undefined,
      openapi: openapi ?? known.openapi,
      refreshedAt: resources === undefined ? Number.NEGATIVE_INFINITY : refreshedAt,
    });
  }

  /** The server doesn't answer: what is known may be out of date. */
  markStale(name: string): void {
    const known = this.#published.get(name);
    if (known === undefined || (known.isStale && known.refreshedAt < 0)) return;
    this.#publish(name, { ...known, isStale: true, refreshedAt: Number.NEGATIVE_INFINITY });
  }

  forget(name: string): void {
    if (this.#published.delete(name)) this.#changed();
  }

  async #attempt<T>(name: string, what: string, fetching: Promise<T>): Promise<T | undefined> {
    try {
      return await fetching;
    } catch (error) {
      this.#deps.log.debug("a document of an API service can't be had", {
        apiService: name,
        what,
        reason: errorText(error),
      });
      return undefined;
    }
  }

  #publish(name: string, published: Published): void {
    const old = this.#published.get(name);
    this.#published.set(name, published);
    const isSame =
      old !== undefined &&
      old.spec === published.spec &&
      old.isStale === published.isStale &&
      isDeepStrictEqual(old.resources, published.resources);
    if (!isSame) this.#changed();
  }

  #changed(): void {
    this.#versions = [...this.#published.values()].map(({ spec, own, resources, isStale }) => ({
      ...own,
      groupPriority: spec?.groupPriorityMinimum ?? 0,
      versionPriority: spec?.versionPriority ?? 0,
      published: resources,
      freshness: isStale ? "Stale" : "Current",
    }));
  }
}
