/**
 * How long a server takes from exec to /readyz on a new data directory: as `npm start` runs it, and the executable where it is
 * built; interleaved. `node bench/start.ts [--rounds 5] [--dir /tmp]`; some ten seconds.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interleave, median, printTable, rounded, usageOf, verdict } from "./harness.ts";
import { ServerProcess, variants, type Variant } from "./server.ts";

/** performance.md: what must hold, on either variant. */
const gateMs = 600;

interface Start {
  readonly readyMs: number;
  /** Until then, of all its threads. */
  readonly cpuMs: number;
  readonly rssMib: number;
}

async function startOnce(variant: Variant, folder: string): Promise<Start> {
  const own = await mkdtemp(join(folder, "start-"));
  try {
    await using server = await ServerProcess.start(variant, own);
    const usage = await usageOf(server.pid);
    return { readyMs: server.readyMs, ...usage };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function benchStart(rounds: number, dir: string): Promise<void> {
  const folder = await mkdtemp(join(dir, "mini-k8s-bench-"));
  try {
    const all = variants();
    const starts = new Map<Variant, Start[]>(all.map((variant) => [variant, []]));
    const machines = await interleave(rounds, folder, async () => {
      for (const variant of all) starts.get(variant)?.push(await startOnce(variant, folder));
    });
    const rows = [["exec to /readyz", "ms", "gate", "", "cpu ms", "RSS MiB", "each"]];
    for (const [variant, results] of starts) {
      const ms = median(results.map((start) => start.readyMs));
      rows.push([
        variant,
        rounded(ms),
        String(gateMs),
        verdict(ms <= gateMs),
        rounded(median(results.map((start) => start.cpuMs))),
        rounded(median(results.map((start) => start.rssMib))),
        results.map((start) => start.readyMs.toFixed(0)).join(" "),
      ]);
    }
    printTable(rows);
    const noisy = machines.filter((machine) => machine.isNoisy).length;
    if (noisy > 0) console.log(`${noisy} of ${rounds} rounds on a noisy disk`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, dir: { type: "string", default: tmpdir() } },
});
await benchStart(Number(values.rounds), values.dir);
