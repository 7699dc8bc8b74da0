/** The process and its surroundings, as handed to the composition roots. */
import type { Worker } from "node:worker_threads";
import type Dockerode from "dockerode";
import type { Expressions } from "#api/expressions.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Store } from "#store/store.ts";
import type { Datastore } from "./datastore/endpoint.ts";
import type { EtcdListenOptions } from "./etcd-listen/options.ts";
import type { EtcdListenInput } from "./etcd-listen/serve.ts";

/** What lies beside the program: files in a checkout, assets within the one executable. */
export interface Assets {
  /** Path of SQLite's native addon; absent: where npm put it. */
  readonly sqliteAddon: string | undefined;
  /** Starts the store's worker; absent: from its source file. */
  readonly spawnStoreWorker: (() => Worker) | undefined;
  /** The bundled runc, unpacked; absent: one is looked for on the machine. */
  readonly runc: (() => Buffer) | undefined;
  /** Texts for `kubectl explain`, gzip'd. */
  readonly descriptions: (() => Uint8Array) | undefined;
}

type DockerAddress =
  | { readonly socketPath: string }
  | { readonly protocol: "http"; readonly host: string; readonly port: number };

export type ExternalDatastore = Exclude<Datastore, { kind: "sqlite" }>;
export type StoreHost = Pick<Host, "clock" | "random" | "log">;

export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Aborts when the process shall stop. */
  readonly signal: AbortSignal;
  /** Prints to the user (standard output), as opposed to the log. */
  readonly say: (text: string) => void;
  readonly version: string;
  /** "v1.35.2+minik8s" */
  readonly kubernetesVersion: string;
  readonly assets: Assets;
  /** Loads what speaks to that datastore: most servers have a file of their own. */
  readonly openDatastore: (datastore: ExternalDatastore, host: StoreHost) => Promise<Store>;
  /** Loads what evaluates expressions: most servers have none. */
  readonly loadExpressions: () => Promise<Expressions>;
  /** Loads what serves etcd's API: most servers aren't asked to. */
  readonly listenAsEtcd: (
    options: EtcdListenOptions,
    input: EtcdListenInput,
    host: StoreHost,
  ) => Promise<{ readonly urls: readonly string[]; close(): Promise<void> }>;
  /** Loads the Docker client: most nodes never need it. */
  readonly connectDocker: (address: DockerAddress) => Promise<Dockerode>;
}
