/** A server's snapshots of its own store: on demand, by schedule, or as a stream to a client. */
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { SnapshotFacts, SnapshotInfo } from "#store/snapshot/format.ts";
import { saveSnapshot, streamSnapshot } from "#store/snapshot/save.ts";
import type { Store } from "#store/store.ts";
import { deleteSnapshot, listSnapshots, snapshotPath, surplus } from "./directory.ts";

export interface SnapshotOptions {
  readonly directory: string;
  /** Of scheduled ones: NAME-NODE-SECONDS. */
  readonly name: string;
  /** Scheduled ones kept; 0 keeps all. */
  readonly retention: number;
  readonly node: string;
  readonly version: string;
}

export interface SnapshotDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The cluster's authorities and keys, sealed; absent: the snapshot goes without. */
  readonly identity: () => Promise<string | undefined>;
}

export class SnapshotService {
  readonly #options: SnapshotOptions;
  readonly #deps: SnapshotDeps;

  constructor(options: SnapshotOptions, deps: SnapshotDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Without a name it is called after the node and the time. Throws SnapshotError, SnapshotNameError. */
  async save(given?: string): Promise<SnapshotInfo> {
    return this.#save(given ?? this.#nameOf("on-demand"), false);
  }

  /** Saves one and deletes those that are then too many. */
  async saveScheduled(): Promise<void> {
    const { directory, name, node, retention } = this.#options;
    await this.#save(this.#nameOf(name), true);
    const { snapshots, faults } = await listSnapshots(directory);
    for (const fault of faults) this.#deps.log.warn("not a good snapshot", { fault });
    for (const old of surplus(snapshots, `${name}-${node}-`, retention)) {
      await deleteSnapshot(directory, old.name);
      this.#deps.log.info("snapshot deleted", { name: old.name, kept: retention });
    }
  }

  async stream(): Promise<AsyncIterable<Buffer>> {
    return streamSnapshot(this.#deps.store, await this.#facts("now", false));
  }

  async #save(name: string, isScheduled: boolean): Promise<SnapshotInfo> {
    const { clock, log, store } = this.#deps;
    const begun = clock.monotonic();
    const path = snapshotPath(this.#options.directory, name);
    try {
      const info = await saveSnapshot(store, path, await this.#facts(name, isScheduled));
      const { revision, objects } = info;
      log.info("snapshot saved", { path, revision, objects, ms: Math.round(clock.monotonic() - begun) });
      return info;
    } catch (error) {
      log.error("no snapshot", { path, error: errorText(error) });
      throw error;
    }
  }

  #nameOf(kind: string): string {
    return `${kind}-${this.#options.node}-${Math.floor(this.#deps.clock.now() / 1000)}`;
  }

  async #facts(name: string, isScheduled: boolean): Promise<SnapshotFacts> {
    const { clock, store, identity } = this.#deps;
    const { node, version } = this.#options;
    return {
      name,
      time: toRfc3339(clock.now()),
      cluster: await clusterOf(store),
      node,
      isScheduled,
      version,
      identity: await identity(),
    };
  }
}

/** The UID of kube-system: what a cluster is told from others by. "" before there is one. */
export async function clusterOf(store: Store): Promise<string> {
  const { entry } = await store.get("/registry/namespaces/kube-system");
  if (entry === undefined) return "";
  const namespace = JSON.parse(entry.value.toString("utf8")) as { metadata?: { uid?: string } };
  return namespace.metadata?.uid ?? "";
}
