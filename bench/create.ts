/**
 * Durable creates of ~2.7 KB pods over HTTPS, with everything a create goes through, from this process into a server
 * of its own; beside puts of the same bytes into a real etcd, interleaved on one disk: what an apiserver above etcd
 * couldn't beat. `node bench/create.ts [--rounds 3] [--seconds 2] [--dir /tmp]`; half a minute.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ApiClient, podNamed, podsPath } from "./api-client.ts";
import { EtcdPeer } from "./etcd.ts";
import {
  interleave,
  load,
  type LoadResult,
  median,
  printTable,
  rounded,
  usageOf,
  verdict,
} from "./harness.ts";
import { ServerProcess, variants } from "./server.ts";

const clientCounts = [32, 128] as const;

/**
 * performance.md asks for 1.5 times the upstream apiserver library above etcd, which made 893 to 1,499 creates a second
 * at 32 clients and 1,073 to 1,524 at 128, for 1,040 to 1,230 µs of CPU each, on a machine of this kind: of the middles.
 */
const gates = { perSecond: { 32: 1800, 128: 1950 }, cpuMicros: 757 } as const;

interface Figures {
  readonly load: LoadResult;
  readonly cpuMicros: number;
}

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly write: (client: number, turn: number) => Promise<unknown>;
}

function ourSide(server: ServerProcess, client: ApiClient): Side {
  let number = 0;
  const write = (): Promise<void> =>
    client.expect(201, { method: "POST", path: podsPath, body: podNamed(`pod-${number++}`) });
  return { name: "mini-k8s creates", pid: server.pid, write };
}

function etcdSide(etcd: EtcdPeer): Side {
  const value = Buffer.from(podNamed("pod-0"));
  let number = 0;
  return {
    name: "etcd puts",
    pid: etcd.pid,
    write: () => etcd.put(`/registry/pods/default/pod-${number++}`, value),
  };
}

async function measure(side: Side, clients: number, ms: number): Promise<Figures> {
  const before = await usageOf(side.pid);
  const result = await load(clients, ms, side.write);
  const { cpuMs } = await usageOf(side.pid);
  return { load: result, cpuMicros: ((cpuMs - before.cpuMs) * 1000) / result.operations };
}

function report(results: ReadonlyMap<string, readonly Figures[]>): void {
  const rows = [["", "per s", "gate", "", "p50 ms", "p99 ms", "cpu µs", "gate", ""]];
  for (const [name, figures] of results) {
    const of = (pick: (one: Figures) => number): number => median(figures.map(pick));
    const perSecond = of((one) => one.load.perSecond);
    const cpuMicros = of((one) => one.cpuMicros);
    const clients = clientCounts.find((count) => name === `mini-k8s creates, ${count}`);
    const gate = clients === undefined ? undefined : gates.perSecond[clients];
    rows.push([
      name,
      rounded(perSecond),
      gate === undefined ? "" : String(gate),
      gate === undefined ? "" : verdict(perSecond >= gate),
      rounded(of((one) => one.load.p50Ms)),
      rounded(of((one) => one.load.p99Ms)),
      rounded(cpuMicros),
      gate === undefined ? "" : String(gates.cpuMicros),
      gate === undefined ? "" : verdict(cpuMicros <= gates.cpuMicros),
    ]);
  }
  printTable(rows);
}

async function benchCreate(rounds: number, seconds: number, dir: string): Promise<void> {
  const folder = await mkdtemp(join(dir, "mini-k8s-bench-"));
  try {
    const variant = variants().at(-1) ?? "npm start";
    console.log(`the server runs from ${variant}`);
    await using server = await ServerProcess.start(variant, folder);
    await using etcd = await EtcdPeer.start(folder);
    if (etcd === undefined) console.log("no etcd on this machine: only our own figures");
    using client = await ApiClient.connect(server);
    const ours = ourSide(server, client);
    const sides = etcd === undefined ? [ours] : [ours, etcdSide(etcd)];
    const results = new Map<string, Figures[]>();
    const machines = await interleave(rounds, folder, async (round) => {
      for (const clients of clientCounts) {
        for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
          const name = `${side.name}, ${clients}`;
          const figures = await measure(side, clients, seconds * 1000);
          results.set(name, [...(results.get(name) ?? []), figures]);
        }
      }
    });
    report(results);
    console.log(`RSS at the end: ${rounded((await usageOf(server.pid)).rssMib)} MiB`);
    const noisy = machines.filter((machine) => machine.isNoisy).length;
    console.log(`fdatasync p50: ${machines.map((machine) => machine.fdatasyncMs.toFixed(3)).join(", ")} ms`);
    if (noisy > 0) console.log(`${noisy} of ${rounds} rounds on a noisy disk`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    dir: { type: "string", default: tmpdir() },
  },
});
await benchCreate(Number(values.rounds), Number(values.seconds), values.dir);
