/**
 * The SQLite store beside a real etcd on the same disk, in interleaved rounds: durable puts of 1 KiB over 10,000 keys,
 * then reads. `node bench/store.ts [--rounds 3] [--seconds 1] [--dir /tmp]`; half a minute as it is.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Store } from "#store/store.ts";
import { EtcdPeer } from "./etcd.ts";
import type { Figure } from "./store-scale.ts";
import {
  type DiskTimes,
  engineFlags,
  interleave,
  load,
  type LoadResult,
  median,
  printTable,
  rounded,
  type RoundMachine,
  usageOf,
} from "./harness.ts";

const keyCount = 10_000;
const value = Buffer.alloc(1024, 120);
const prefix = "/registry/pods/";
const prefixEnd = "/registry/pods0";
const pageSize = 500;
const writerCounts = [1, 32, 128] as const;

/** No disk is durable this fast; a tmpfs is. */
const noDiskMs = 0.01;

/** What must hold. */
const gates = {
  puts: { "put 1": 1.5, "put 32": 5, "put 128": 8 },
  /** Through gRPC: parity. */
  grpc: { "put 1": 1, "put 32": 1, "put 128": 1, get: 1, count: 1, "page of 500": 1, "all 10k": 1 },
  p50OverFdatasync: 1.6,
  p99At128Ms: 10,
} as const;

function keyAt(number: number): string {
  return `${prefix}namespace-${number % 50}/pod-${String(number).padStart(5, "0")}`;
}

/** One side of the comparison. */
interface Side {
  readonly name: string;
  readonly put: (client: number, turn: number) => Promise<unknown>;
  readonly get: (key: string) => Promise<unknown>;
  readonly page: (from: string) => Promise<number>;
  readonly count: () => Promise<number>;
  readonly full: () => Promise<number>;
  readonly cpuMs: () => Promise<number>;
}

/** Each client writes keys of its own, so that none of ours fails its precondition. */
function keyFor(client: number, turn: number): string {
  return keyAt((client + 128 * turn) % (keyCount - (keyCount % 128)));
}

function ourSide(store: Store): Side {
  const revisions = new Map<string, bigint>();
  return {
    name: "mini-k8s",
    put: async (client, turn) => {
      const key = keyFor(client, turn);
      const at = revisions.get(key);
      const entry = at === undefined ? await store.create(key, value) : await store.update(key, value, at);
      revisions.set(key, entry.modRevision);
    },
    get: (key) => store.get(key),
    page: async (from) => (await store.list(prefix, { startKey: from, limit: pageSize })).entries.length,
    count: async () => (await store.count(prefix)).count,
    full: async () => (await store.list(prefix)).entries.length,
    cpuMs: () => Promise.resolve((process.cpuUsage().user + process.cpuUsage().system) / 1000),
  };
}

function etcdSide(name: string, etcd: EtcdPeer): Side {
  return {
    name,
    put: (client, turn) => etcd.put(keyFor(client, turn), value),
    get: (key) => etcd.get(key),
    page: async (from) => (await etcd.range(from, prefixEnd, pageSize)).entries.length,
    count: () => etcd.count(prefix, prefixEnd),
    full: async () => (await etcd.range(prefix, prefixEnd, 0)).entries.length,
    cpuMs: async () => (await usageOf(etcd.pid)).cpuMs,
  };
}

/** All of one side's results, by what was measured. */
type Results = Map<string, LoadResult[]>;

async function measure(
  side: Side,
  results: Results,
  what: string,
  run: () => Promise<LoadResult>,
): Promise<void> {
  const before = await side.cpuMs();
  const result = await run();
  const cpuMicros = (((await side.cpuMs()) - before) * 1000) / result.operations;
  const name = `${side.name} ${what}`;
  results.set(name, [...(results.get(name) ?? []), result]);
  const cpuName = `${name} cpu`;
  const cpu: LoadResult = { ...result, perSecond: cpuMicros };
  results.set(cpuName, [...(results.get(cpuName) ?? []), cpu]);
}

async function fill(side: Side): Promise<void> {
  const each = Math.floor(keyCount / 128);
  await Promise.all(
    Array.from({ length: 128 }, async (_, client) => {
      for (let turn = 0; turn < each; turn++) await side.put(client, turn);
    }),
  );
}

async function oneRound(sides: readonly Side[], results: Results, ms: number): Promise<void> {
  for (const writers of writerCounts) {
    for (const side of sides) {
      await measure(side, results, `put ${writers}`, () => load(writers, ms, side.put));
    }
  }
  const reads: [string, number, (side: Side) => (client: number, turn: number) => Promise<unknown>][] = [
    ["get", 64, (side) => (client, turn) => side.get(keyFor(client, turn))],
    ["count", 1, (side) => () => side.count()],
    ["page of 500", 1, (side) => (_client, turn) => side.page(keyAt((turn * 37) % 5000))],
    ["all 10k", 1, (side) => () => side.full()],
  ];
  for (const [what, clients, operation] of reads) {
    for (const side of sides) {
      await measure(side, results, what, () => load(clients, ms / 4, operation(side)));
    }
  }
}

function medianOf(results: Results, name: string, pick: (result: LoadResult) => number): number {
  return median((results.get(name) ?? []).map(pick));
}

/** The median over the rounds of each round's ratio. */
function ratioOf(results: Results, what: string): number {
  const ours = results.get(`mini-k8s ${what}`) ?? [];
  const theirs = results.get(`etcd ${what}`) ?? [];
  return median(ours.map((result, round) => result.perSecond / (theirs[round]?.perSecond ?? Number.NaN)));
}

function verdict(isMet: boolean): string {
  return isMet ? "met" : "MISSED";
}

/** One row of each measurement; `least` are the least ratios of some. */
function rowsOf(results: Results, least: Readonly<Record<string, number>>): string[][] {
  const rows = [
    ["", "mini-k8s/s", "etcd/s", "ratio", "gate", "", "p50 ms", "etcd", "p99 ms", "etcd", "cpu µs", "etcd"],
  ];
  const whats = [
    ...writerCounts.map((writers) => `put ${writers}`),
    "get",
    "count",
    "page of 500",
    "all 10k",
  ];
  for (const what of whats) {
    const ours = (pick: (result: LoadResult) => number): number =>
      medianOf(results, `mini-k8s ${what}`, pick);
    const theirs = (pick: (result: LoadResult) => number): number => medianOf(results, `etcd ${what}`, pick);
    const ratio = ratioOf(results, what);
    const gate = least[what];
    rows.push([
      what,
      rounded(ours((result) => result.perSecond)),
      rounded(theirs((result) => result.perSecond)),
      `${ratio.toFixed(1)} ×`,
      gate === undefined ? "" : `${gate} ×`,
      gate === undefined || Number.isNaN(ratio) ? "" : verdict(ratio >= gate),
      rounded(ours((result) => result.p50Ms)),
      rounded(theirs((result) => result.p50Ms)),
      rounded(ours((result) => result.p99Ms)),
      rounded(theirs((result) => result.p99Ms)),
      rounded(medianOf(results, `mini-k8s ${what} cpu`, (result) => result.perSecond)),
      rounded(medianOf(results, `etcd ${what} cpu`, (result) => result.perSecond)),
    ]);
  }
  return rows;
}

function report(results: Results, machines: readonly RoundMachine[]): void {
  printTable(rowsOf(results, gates.puts));
  const singles = results.get("mini-k8s put 1") ?? [];
  const overhead = median(
    singles.map((result, round) => result.p50Ms / (machines[round]?.fdatasyncMs ?? Number.NaN)),
  );
  const p99 = medianOf(results, "mini-k8s put 128", (result) => result.p99Ms);
  const noisy = machines.filter((machine) => machine.isNoisy).length;
  const fdatasync = machines.map((machine) => machine.fdatasyncMs.toFixed(3)).join(", ");
  console.log(`\nfdatasync of 2.3 KB, p50 per round: ${fdatasync} ms${noisy > 0 ? ` (${noisy} noisy)` : ""}`);
  if (machines.some((machine) => machine.fdatasyncMs < noDiskMs)) {
    console.log("that is no disk: choose one with --dir");
  }
  console.log(
    `put p50 / fdatasync p50: ${overhead.toFixed(2)} (gate ${gates.p50OverFdatasync}: ${verdict(overhead <= gates.p50OverFdatasync)})`,
  );
  console.log(
    `put p99 at 128 writers: ${rounded(p99)} ms (gate ${gates.p99At128Ms}: ${verdict(p99 <= gates.p99At128Ms)})`,
  );
  const slow = (pick: (machine: RoundMachine) => number): string => rounded(median(machines.map(pick)));
  const alone = `${slow((machine) => machine.fdatasyncP99Ms)} ms, max ${slow((machine) => machine.fdatasyncMaxMs)} ms`;
  console.log(`  of which the disk's own: fdatasync alone p99 ${alone}, before and after each round`);
}

/** What store-scale.ts says of our store alone. */
function reportScale(folder: string): void {
  const program = join(import.meta.dirname, "store-scale.ts");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...engineFlags, program, join(folder, "scale")],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`store-scale.ts ended with ${status}: ${stderr}`);
  const { figures, disk } = JSON.parse(stdout) as { figures: readonly Figure[]; disk: DiskTimes };
  const times = [disk.p50Ms, disk.p99Ms, disk.maxMs].map((ms) => ms.toFixed(3)).join(", ");
  console.log(`\nalone, after it p50, p99 and max of fdatasync were ${times} ms:`);
  printTable([
    ["", "", "", "gate", ""],
    ...figures.map(({ name, value: figure, unit, gate }) => [
      name,
      rounded(figure),
      unit,
      gate === undefined ? "" : `≤ ${gate}`,
      gate === undefined ? "" : verdict(figure <= gate),
    ]),
  ]);
}

export interface StoreBenchOptions {
  readonly rounds: number;
  /** Of each measurement of writes; of reads a quarter. */
  readonly seconds: number;
  /** On the disk to measure. */
  readonly dir: string;
}

export async function benchStore(options: StoreBenchOptions): Promise<void> {
  const folder = await mkdtemp(join(options.dir, "mini-k8s-bench-"));
  try {
    const store = await openSqliteStore(
      { path: join(folder, "store", "state.db") },
      { clock: systemClock, log: silentLogger },
    );
    await using etcd = await EtcdPeer.start(folder);
    if (etcd === undefined) console.log("no etcd on this machine: only our own figures");
    const sides = etcd === undefined ? [ourSide(store)] : [ourSide(store), etcdSide("etcd", etcd)];
    await using face = await EtcdPeer.startOurs(folder);
    const remote = [etcdSide("mini-k8s", face), ...sides.slice(1)];
    for (const side of [...sides, ...remote.slice(0, 1)]) await fill(side);
    const throughGrpc: Results = new Map();
    const results: Results = new Map();
    const ms = options.seconds * 1000;
    const machines = await interleave(options.rounds, folder, async (round) => {
      const isEven = round % 2 === 0;
      await oneRound(isEven ? sides : sides.toReversed(), results, ms);
      await oneRound(isEven ? remote : remote.toReversed(), throughGrpc, ms);
    });
    report(results, machines);
    console.log("\nboth through gRPC, by the same client; gate: parity");
    printTable(rowsOf(throughGrpc, gates.grpc));
    await store.close();
    reportScale(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main && !engineFlags.every((flag) => process.execArgv.includes(flag))) {
  const [program = "", ...options] = process.argv.slice(1);
  const { status } = spawnSync(process.execPath, [...engineFlags, program, ...options], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} else if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "1" },
      dir: { type: "string", default: tmpdir() },
    },
  });
  await benchStore({
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    dir: values.dir,
  });
}
