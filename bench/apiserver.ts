/**
 * The API over HTTPS, with everything a request goes through, beside what the upstream apiserver library above etcd did with
 * the same pods on a machine of this kind (it can't be built here): ratios of the middles of its figures, and the server's
 * CPU per operation, which a busy machine changes less than the wall.
 * `node bench/apiserver.ts [--rounds 3] [--pods 10000] [--dir /tmp]`; a minute.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ApiClient, podNamed, podsPath } from "./api-client.ts";
import {
  interleave,
  median,
  printTable,
  quantile,
  rounded,
  untilQuiet,
  usageOf,
  verdict,
} from "./harness.ts";
import { ServerProcess, variants } from "./server.ts";

/** Of a round. */
const createsEach = 600;
const warmUpCreates = 2000;
const warmUpPatches = 400;
const getsEach = 20_000;
/** Controllers go on with what was created; the next row shouldn't pay for it. */
const quietMaxMs = 5000;
const pagesEach = 20;
const listsEach = 3;
const patchesEach = 100;
const watchers = 1000;
const deliveriesEach = 10;
/** A watch that says nothing for so long is broken. */
const deliveryMs = 20_000;

interface Figure {
  /** Per second, or milliseconds. */
  readonly value: number;
  readonly cpuMicros: number;
}

interface Row {
  readonly unit: "per s" | "p50 ms";
  /** The middle of upstream's. */
  readonly upstream: number;
  readonly upstreamCpuMicros?: number;
  /** Of ours to upstream's: at least it for rates, at most it for times. */
  readonly gate?: number;
}

/** performance.md has the figures and the gates. */
const rows = {
  "create, 32 clients": { unit: "per s", upstream: 1196, upstreamCpuMicros: 1135, gate: 1.5 },
  "create, 128 clients": { unit: "per s", upstream: 1298, upstreamCpuMicros: 1135, gate: 1.5 },
  "GET, 64 streams": { unit: "per s", upstream: 6050, upstreamCpuMicros: 214, gate: 4 },
  "LIST 500": { unit: "p50 ms", upstream: 26, gate: 1 / 5 },
  "LIST 10k": { unit: "p50 ms", upstream: 444, gate: 1 / 4 },
  "PATCH to watch event": { unit: "p50 ms", upstream: 4.2, gate: 0.7 },
  "PATCH to 1,000 watchers": { unit: "p50 ms", upstream: 21 },
} as const satisfies Readonly<Record<string, Row>>;

type RowName = keyof typeof rows;

/** In MiB, but the watch's in KiB. */
const memory = {
  idle: { upstream: 92.5, gate: 160 },
  withPods: { upstream: 369.5, gate: 300 },
  perWatchKib: { upstream: 226, gate: 226 / 8 },
} as const;

class Bench {
  readonly #server: ServerProcess;
  readonly #client: ApiClient;
  readonly #pods: number;
  readonly #figures = new Map<RowName, Figure[]>();
  #created = 0;
  #turn = 0;

  constructor(server: ServerProcess, client: ApiClient, pods: number) {
    this.#server = server;
    this.#client = client;
    this.#pods = pods;
  }

  get figures(): ReadonlyMap<RowName, readonly Figure[]> {
    return this.#figures;
  }

  /** The engine compiles what is called often; without this, half of a short round would be that. */
  async warmUp(): Promise<void> {
    await inLoops(32, warmUpCreates, () => this.#create());
    await inLoops(64, getsEach, () => this.#get());
  }

  /** Before there are all pods. */
  async write(): Promise<void> {
    await this.#rate("create, 32 clients", 32, createsEach, () => this.#create());
    await this.#rate("create, 128 clients", 128, createsEach, () => this.#create());
    await untilQuiet(this.#server.pid, quietMaxMs);
    await this.#rate("GET, 64 streams", 64, getsEach, () => this.#get());
  }

  async fill(): Promise<void> {
    await inLoops(64, this.#pods - this.#created, () => this.#create());
    await inLoops(1, warmUpPatches, () => this.#patch());
    await untilQuiet(this.#server.pid, quietMaxMs);
  }

  async read(): Promise<void> {
    const get = (path: string) => (): Promise<void> => this.#client.expect(200, { method: "GET", path });
    await this.#times("LIST 500", pagesEach, timed(get(`${podsPath}?limit=500`)));
    await this.#times("LIST 10k", listsEach, timed(get(podsPath)));
    await this.#deliver("PATCH to watch event", 1, patchesEach);
  }

  /** What a watch takes, in KiB, and how soon all of them have a change. */
  async watch(): Promise<number> {
    const before = (await usageOf(this.#server.pid)).rssMib;
    const inUse = await this.#deliver("PATCH to 1,000 watchers", watchers, deliveriesEach);
    return ((inUse - before) * 1024) / watchers;
  }

  #get(): Promise<void> {
    return this.#client.expect(200, { method: "GET", path: `${podsPath}/warm-up` });
  }

  #create(): Promise<void> {
    return this.#client.expect(201, {
      method: "POST",
      path: podsPath,
      body: podNamed(`pod-${this.#created++}`),
    });
  }

  async #rate(name: RowName, clients: number, count: number, run: () => Promise<void>): Promise<void> {
    const before = await usageOf(this.#server.pid);
    const start = performance.now();
    await inLoops(clients, count, run);
    const seconds = (performance.now() - start) / 1000;
    await this.#note(name, count / seconds, before.cpuMs, count);
  }

  /** `run` resolves with milliseconds. */
  async #times(name: RowName, count: number, run: () => Promise<readonly number[]>): Promise<void> {
    const before = await usageOf(this.#server.pid);
    const all: number[] = [];
    for (let done = 0; done < count; done++) all.push(...(await run()));
    all.sort((a, b) => a - b);
    await this.#note(name, quantile(all, 0.5), before.cpuMs, count);
  }

  async #note(name: RowName, value: number, cpuMsBefore: number, count: number): Promise<void> {
    const { cpuMs } = await usageOf(this.#server.pid);
    const figure = { value, cpuMicros: ((cpuMs - cpuMsBefore) * 1000) / count };
    this.#figures.set(name, [...(this.#figures.get(name) ?? []), figure]);
  }

  /** Patches one pod so often, each time until all watches of it have the change. Resolves with the RSS while they idled. */
  async #deliver(name: RowName, count: number, patches: number): Promise<number> {
    const deliveries = new Deliveries(count);
    const path = `${podsPath}?watch=true&fieldSelector=metadata.name%3Dwarm-up`;
    const stops: (() => void)[] = [];
    await deliveries.after(async () => {
      for (let opened = 0; opened < count; opened++) {
        stops.push(await this.#client.watch(path, (piece) => deliveries.take(piece)));
      }
    });
    const { rssMib } = await usageOf(this.#server.pid);
    await this.#times(name, patches, () => deliveries.after(() => this.#patch()));
    for (const stop of stops) stop();
    return rssMib;
  }

  #patch(): Promise<void> {
    return this.#client.expect(200, {
      method: "PATCH",
      path: `${podsPath}/warm-up`,
      contentType: "application/merge-patch+json",
      body: JSON.stringify({ metadata: { labels: { turn: String(this.#turn++) } } }),
    });
  }
}

const newline = 10;

/** Counts one event of each watch, with the time it took. */
class Deliveries {
  readonly #count: number;
  #times: number[] = [];
  #start = 0;
  #done: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(count: number) {
    this.#count = count;
  }

  take(piece: Buffer): void {
    // An event may come in several pieces; only its end is a new line.
    if (piece.at(-1) !== newline) return;
    this.#times.push(performance.now() - this.#start);
    if (this.#times.length === this.#count) this.#done.resolve();
  }

  /** Resolves with the times when every watch has an event since. */
  async after(cause: () => Promise<void>): Promise<readonly number[]> {
    this.#times = [];
    this.#done = Promise.withResolvers();
    this.#start = performance.now();
    const late = setTimeout(() => {
      this.#done.reject(new Error(`${this.#times.length} of ${this.#count} watches had an event`));
    }, deliveryMs);
    try {
      await Promise.all([cause(), this.#done.promise]);
    } finally {
      clearTimeout(late);
    }
    return this.#times;
  }
}

async function inLoops(clients: number, count: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const loop = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: clients }, loop));
}

const timed = (run: () => Promise<void>) => async (): Promise<readonly number[]> => {
  const start = performance.now();
  await run();
  return [performance.now() - start];
};

function report(figures: ReadonlyMap<RowName, readonly Figure[]>): void {
  const table = [["", "ours", "unit", "upstream", "ratio", "gate", "", "cpu µs", "upstream", "ratio"]];
  for (const [name, all] of figures) {
    const row: Row = rows[name];
    const value = median(all.map((one) => one.value));
    const cpuMicros = median(all.map((one) => one.cpuMicros));
    const ratio = value / row.upstream;
    const { gate, upstreamCpuMicros } = row;
    const isMet = gate !== undefined && (row.unit === "per s" ? ratio >= gate : ratio <= gate);
    table.push([
      name,
      rounded(value),
      row.unit,
      rounded(row.upstream),
      ratio.toFixed(2),
      gate === undefined ? "" : gate.toFixed(2),
      gate === undefined ? "" : verdict(isMet),
      rounded(cpuMicros),
      upstreamCpuMicros === undefined ? "" : String(upstreamCpuMicros),
      upstreamCpuMicros === undefined ? "" : (cpuMicros / upstreamCpuMicros).toFixed(2),
    ]);
  }
  printTable(table);
}

function reportMemory(found: Readonly<Record<keyof typeof memory, number>>, pods: number): void {
  const row = (name: string, key: keyof typeof memory): string[] => {
    const { gate, upstream } = memory[key];
    return [name, rounded(found[key]), rounded(upstream), rounded(gate), verdict(found[key] <= gate)];
  };
  printTable([
    ["memory (RSS)", "ours", "upstream", "gate", ""],
    row("idle without a node, MiB", "idle"),
    row(`with ${pods} pods, MiB`, "withPods"),
    row("an idle watch, KiB", "perWatchKib"),
  ]);
}

async function benchApiserver(rounds: number, pods: number, dir: string): Promise<void> {
  const folder = await mkdtemp(join(dir, "mini-k8s-bench-"));
  try {
    const variant = variants().at(-1) ?? "npm start";
    console.log(`the server runs from ${variant}`);
    await using server = await ServerProcess.start(variant, folder);
    using client = await ApiClient.connect(server);
    const idle = (await usageOf(server.pid)).rssMib;
    const bench = new Bench(server, client, pods);
    await bench.warmUp();
    const writes = await interleave(rounds, folder, () => bench.write());
    await bench.fill();
    const withPods = (await usageOf(server.pid)).rssMib;
    const reads = await interleave(rounds, folder, () => bench.read());
    const perWatchKib = await bench.watch();
    report(bench.figures);
    reportMemory({ idle, withPods, perWatchKib }, pods);
    const noisy = [...writes, ...reads].filter((machine) => machine.isNoisy).length;
    if (noisy > 0) console.log(`${noisy} of ${2 * rounds} rounds on a noisy disk`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    pods: { type: "string", default: "10000" },
    dir: { type: "string", default: tmpdir() },
  },
});
await benchApiserver(Number(values.rounds), Number(values.pods), values.dir);
