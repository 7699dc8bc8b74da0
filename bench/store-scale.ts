/**
 * Our store alone, in a process of its own: memory and a snapshot at 100,000 keys, what writes wait for while one is
 * taken, while everything old is compacted and at checkpoints, the main loop under load, watches; and its start after a
 * kill -9. Run by store.ts.
 */
import { spawnSync } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { saveSnapshot } from "#store/snapshot/save.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Revision, Store } from "#store/store.ts";
import { engineFlags, fdatasyncTimes, quantile, usageOf } from "./harness.ts";

const keyCount = 100_000;
const value = Buffer.alloc(1024, 120);
const watchers = 1000;
const keyAt = (number: number): string =>
  `/registry/pods/ns-${number % 50}/pod-${String(number).padStart(6, "0")}`;

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "MiB";
  /** It must not be more. */
  readonly gate?: number;
}

class Scale {
  readonly #store: Store;
  readonly #folder: string;
  readonly #revisions: Revision[] = [];
  readonly figures: Figure[] = [];

  constructor(store: Store, folder: string) {
    this.#store = store;
    this.#folder = folder;
  }

  async fill(): Promise<void> {
    await this.#everyKey(async (at) => {
      this.#revisions[at] = (await this.#store.create(keyAt(at), value)).modRevision;
    });
    this.#add("RSS at 100k keys of 1 KiB", (await usageOf(process.pid)).rssMib, "MiB");
  }

  async snapshot(): Promise<void> {
    this.#add(
      "put p99 of one writer, nothing else",
      quantile(await this.#putsDuring(() => pause(1000)), 0.99),
      "ms",
    );
    const facts = { name: "s", time: "", cluster: "", node: "", isScheduled: false, version: "" };
    let ms = 0;
    const latencies = await this.#putsDuring(async () => {
      const begun = performance.now();
      await saveSnapshot(this.#store, join(this.#folder, "snapshot"), facts);
      ms = performance.now() - begun;
    });
    this.#add("snapshot of 100k objects", ms, "ms", 1000);
    this.#add("put p99 meanwhile", quantile(latencies, 0.99), "ms");
    this.#add("put max meanwhile", quantile(latencies, 1), "ms");
  }

  async compaction(): Promise<void> {
    await this.#everyKey(async (at) => {
      const { modRevision } = await this.#store.update(keyAt(at), value, this.#revisions[at] ?? 0n);
      this.#revisions[at] = modRevision;
    });
    const size = await this.#store.size();
    let ms = 0;
    const latencies = await this.#putsDuring(async () => {
      const begun = performance.now();
      await this.#store.compact(this.#store.revision);
      ms = performance.now() - begun;
    });
    this.#add("compaction of 100k superseded revisions", ms, "ms");
    this.#add("put p99 meanwhile", quantile(latencies, 0.99), "ms", 10);
    this.#add("put max meanwhile", quantile(latencies, 1), "ms");
    this.#add("file before", size / 2 ** 20, "MiB");
    this.#add("file after", (await stat(join(this.#folder, "state.db"))).size / 2 ** 20, "MiB");
  }

  async load(): Promise<void> {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const latencies: number[] = [];
    const end = performance.now() + 2000;
    let next = keyCount;
    const writer = async (): Promise<void> => {
      for (let begun = performance.now(); begun < end; begun = performance.now()) {
        await this.#store.create(keyAt(next++), value);
        latencies.push(performance.now() - begun);
      }
    };
    await Promise.all(Array.from({ length: 128 }, writer));
    delay.disable();
    latencies.sort((a, b) => a - b);
    // The timer that measures it is 1 ms late by itself.
    this.#add("main-loop delay p99, 128 writers", delay.percentile(99) / 1e6 - 1, "ms");
    this.#add("put p99.9, 128 writers, checkpoints included", quantile(latencies, 0.999), "ms");
    this.#add("put max", quantile(latencies, 1), "ms");
  }

  async watches(): Promise<void> {
    for (const count of [1, watchers]) {
      const latencies = await this.#eventLatencies(count);
      const who = count === 1 ? "one watcher" : `the last of ${count} watchers`;
      this.#add(`put → event at ${who}, p50`, quantile(latencies, 0.5), "ms");
    }
  }

  /** store-start.ts, some times: with all keys folded, and with nearly as many rows to read as there ever are. */
  starts(): void {
    const run = (what: string): string => {
      const program = join(import.meta.dirname, "store-start.ts");
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [...engineFlags, program, what, join(this.#folder, "start")],
        { encoding: "utf8" },
      );
      if (stderr !== "") throw new Error(`store-start.ts ${what}: ${stderr}`);
      return stdout;
    };
    // The fastest: what disturbs a start only makes it longer, and this is about a difference.
    const opened = (): number => Math.min(...Array.from({ length: 5 }, () => Number.parseFloat(run("open"))));
    run("write");
    const afterKill = opened();
    run("fold");
    const clean = opened();
    this.#add("start, 10k keys", clean, "ms");
    this.#add("more after kill -9, with 60k rows since the last fold", afterKill - clean, "ms", 300);
  }

  /** From the call of a put until all watchers have its event. */
  async #eventLatencies(count: number): Promise<number[]> {
    const stop = new AbortController();
    const { signal } = stop;
    const prefix = `/registry/watched-${count}/`;
    let waiting = 0;
    let arrived = Promise.withResolvers<void>();
    const reading = Array.from({ length: count }, async () => {
      for await (const { events } of this.#store.watch(prefix, { signal, progress: false })) {
        waiting -= events.length;
        if (events.length > 0 && waiting === 0) arrived.resolve();
      }
    });
    const latencies: number[] = [];
    for (let at = 0; at < 200; at++) {
      arrived = Promise.withResolvers<void>();
      waiting = count;
      const begun = performance.now();
      await this.#store.create(`${prefix}${at}`, value);
      await arrived.promise;
      latencies.push(performance.now() - begun);
    }
    stop.abort();
    await Promise.allSettled(reading);
    return latencies.toSorted((a, b) => a - b);
  }

  async #everyKey(run: (at: number) => Promise<void>): Promise<void> {
    let next = 0;
    const one = async (): Promise<void> => {
      for (let at = next++; at < keyCount; at = next++) await run(at);
    };
    await Promise.all(Array.from({ length: 256 }, one));
  }

  /** Latencies of one writer for as long as `run` takes, ascending. */
  async #putsDuring(run: () => Promise<void>): Promise<number[]> {
    const latencies: number[] = [];
    const running = { now: true };
    const writing = (async () => {
      for (let turn = 0; running.now; turn++) {
        const begun = performance.now();
        await this.#store.create(`/registry/writer/${this.#store.revision}-${turn}`, value);
        latencies.push(performance.now() - begun);
      }
    })();
    await run();
    running.now = false;
    await writing;
    return latencies.toSorted((a, b) => a - b);
  }

  #add(name: string, figure: number, unit: Figure["unit"], gate?: number): void {
    this.figures.push({ name, value: figure, unit, ...(gate === undefined ? {} : { gate }) });
  }
}

function pause(ms: number): Promise<void> {
  return systemClock.sleep(ms, new AbortController().signal);
}

const [folder = ""] = process.argv.slice(2);
const store = await openSqliteStore(
  { path: join(folder, "state.db") },
  { clock: systemClock, log: silentLogger },
);
const scale = new Scale(store, folder);
await scale.fill();
await scale.snapshot();
await scale.compaction();
await scale.load();
await scale.watches();
await store.close();
scale.starts();
console.log(JSON.stringify({ figures: scale.figures, disk: await fdatasyncTimes(folder) }));
