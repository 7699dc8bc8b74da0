/** What lies beside the program: behind the one executable, in a checkout as files. */
import { closeSync, existsSync, openSync, readFileSync, writeSync, constants as files } from "node:fs";
import { join } from "node:path";
import { isSea } from "node:sea";
import { Worker } from "node:worker_threads";
import { zstdDecompressSync } from "node:zlib";
import type { Assets } from "#supervisor/host.ts";
import { readAppended } from "./appended-files.ts";

export interface AssetOptions {
  readonly dataDir: string;
  /** Whether the store's worker starts now, beside the loading of the rest: it takes a tenth of a second. */
  readonly startsStore: boolean;
}

export function loadAssets({ dataDir, startsStore }: AssetOptions): Assets {
  if (!isSea()) return filesOfCheckout(startsStore);
  return {
    sqliteAddon: addonPath(dataDir),
    spawnStoreWorker: startedMaybe(
      startsStore,
      () => new Worker(readAppended("worker.cjs").toString("latin1"), { eval: true, name: "sqlite" }),
    ),
    runc: () => zstdDecompressSync(readAppended("runc.zst")),
    descriptions: () => readAppended("descriptions.json.gz"),
  };
}

/** A start that fails before it comes to the store must not wait for the worker. */
function startedMaybe(startsNow: boolean, spawn: () => Worker): () => Worker {
  let early = startsNow ? spawn() : undefined;
  early?.unref();
  return () => {
    const worker = early ?? spawn();
    early = undefined;
    worker.ref();
    return worker;
  };
}

/**
 * npm's addon, the machine's runc, texts once setup has made them. The worker: from its source, or of the bundle that
 * `npm start` runs, which lies in node_modules/.cache/mini-k8s-run.
 */
function filesOfCheckout(startsStore: boolean): Assets {
  const here = import.meta.dirname;
  const bundled = join(here, "worker.cjs");
  const isBundle = existsSync(bundled);
  const modules = join(here, isBundle ? "../.." : "../../node_modules");
  const worker = isBundle ? bundled : join(here, "../store/sqlite/worker.ts");
  const descriptions = join(modules, ".cache/mini-k8s-descriptions.json.gz");
  return {
    sqliteAddon: isBundle ? join(modules, `better-sqlite3/prebuilds/linux-${process.arch}.node`) : undefined,
    spawnStoreWorker: startedMaybe(startsStore, () => new Worker(worker, { name: "sqlite" })),
    runc: undefined,
    descriptions: existsSync(descriptions) ? () => readFileSync(descriptions) : undefined,
  };
}

/**
 * The addon as a file that has no name: works where /tmp may not hold programs, and leaves nothing behind.
 * The descriptor stays open for the life of the process; the store's worker loads through it too.
 */
function addonPath(dataDir: string): string {
  const content = readAppended("better_sqlite3.node");
  // Linux's O_TMPFILE, which Node doesn't name.
  const unnamed = 0o20000000 | files.O_DIRECTORY;
  const faults: string[] = [];
  for (const directory of ["/dev/shm", "/run", dataDir, "/tmp"]) {
    let descriptor: number;
    try {
      descriptor = openSync(directory, files.O_RDWR | unnamed, 0o700);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : directory);
      continue;
    }
    try {
      for (let at = 0; at < content.length;) at += writeSync(descriptor, content, at);
      const path = `/proc/self/fd/${descriptor}`;
      process.dlopen({ exports: {} }, path);
      return path;
    } catch (error) {
      faults.push(error instanceof Error ? error.message : directory);
      closeSync(descriptor);
    }
  }
  throw new Error(
    `SQLite's addon can't be loaded from any of /dev/shm, /run, the data directory, /tmp: ${faults.join("; ")}`,
  );
}
