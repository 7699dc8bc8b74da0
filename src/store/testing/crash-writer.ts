/**
 * A process that writes until it is killed, and tells its parent what it was promised: each write the store
 * acknowledged and each event a watch delivered. Run by sqlite/durability.test.ts.
 */
import { tmpdir } from "node:os";
import { flushCompileCache } from "node:module";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { serveEtcd } from "../etcd/server/server.ts";
import type { KeyValueStore } from "../kv.ts";
import { openSqliteStore } from "../sqlite/store.ts";
import type { Revision, Store } from "../store.ts";

export interface CrashWriterOptions {
  readonly path: string;
  readonly writers: number;
  /** Makes this run's keys and values different from every other's. */
  readonly round: number;
  /** Serve etcd's API, too. */
  readonly hasFace?: boolean | undefined;
}

/** `opened` comes first, then the others as they happen. */
export type CrashWriterNews =
  | { readonly kind: "opened"; readonly revision: string; readonly address: string | undefined }
  | {
      readonly kind: "acknowledged" | "seen";
      readonly revision: string;
      readonly key: string;
      /** Absent for a delete. */
      readonly value?: string | undefined;
    };

// What is killed saves nothing: the next one starts faster with what this one has compiled.
flushCompileCache();
process.once("message", (options: CrashWriterOptions) => {
  void run(options);
});

function tell(news: CrashWriterNews): void {
  process.send?.(news);
}

async function run({ path, writers, round, hasFace = false }: CrashWriterOptions): Promise<void> {
  const deps = { clock: systemClock, log: silentLogger };
  const store = await openSqliteStore({ path }, deps);
  const { revision } = store;
  const address = hasFace ? await serve(store.keyValues) : undefined;
  tell({ kind: "opened", revision: `${revision}`, address });
  if (writers === 0) return;
  await Promise.all([
    see(store),
    compactAlong(store),
    ...Array.from({ length: writers }, (_, writer) => write(store, `${round}-${writer}`)),
  ]);
}

async function serve(store: KeyValueStore): Promise<string> {
  const server = await serveEtcd(
    {
      listenUrls: ["http://127.0.0.1:0"],
      tls: undefined,
      name: "crash",
      clusterSeed: "crash",
      quotaBytes: undefined,
      spoolFolder: tmpdir(),
    },
    { store, clock: systemClock, random: systemRandom, log: silentLogger },
  );
  return new URL(server.urls[0] ?? "").host;
}

function acknowledged(revision: Revision, key: string, value: string | undefined): void {
  tell({ kind: "acknowledged", revision: `${revision}`, key, value });
}

async function write(store: Store, name: string): Promise<never> {
  for (let turn = 0; ; turn++) {
    const key = `/w/${name}/${turn % 20}`;
    const value = `${name} ${turn} ${"x".repeat((turn * 37) % 3000)}`;
    const { entry } = await store.get(key);
    if (entry === undefined) {
      acknowledged((await store.create(key, Buffer.from(value))).modRevision, key, value);
    } else if (turn % 7 === 0) {
      acknowledged((await store.delete(key)).revision, key, undefined);
    } else {
      acknowledged((await store.update(key, Buffer.from(value), entry.modRevision)).modRevision, key, value);
    }
  }
}

async function see(store: Store): Promise<void> {
  for await (const { events } of store.watch("/w/", { signal: new AbortController().signal })) {
    for (const { type, revision, key, entry } of events) {
      tell({
        kind: "seen",
        revision: `${revision}`,
        key,
        value: type === "put" ? entry.value.toString() : undefined,
      });
    }
  }
}

/** Compaction must not cost a write either, wherever it is interrupted. */
async function compactAlong(store: Store): Promise<void> {
  for await (const { revision } of store.watch("/none", { signal: new AbortController().signal })) {
    if (revision > store.compactRevision + 1000n) await store.compact(revision - 500n);
  }
}
