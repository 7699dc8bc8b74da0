/**
 * Memory and CPU of a server with its own node, on a host of its own, while nothing happens. The executable where it is
 * built, else as `npm start` runs it. `node bench/idle.ts [--seconds 30] [--settle 10] [--variant "npm start"]`; root; a minute.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startServer } from "../e2e/cluster.ts";
import { createLab } from "../e2e/lab.ts";
import { eventually } from "../e2e/wait.ts";
import { printTable, rounded, usageOf, verdict } from "./harness.ts";
import { programOf, variants, type Variant } from "./server.ts";

/** performance.md: what must hold. */
const gates = { rssMib: 160, cpuPercent: 2 } as const;

function pause(seconds: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, seconds * 1000);
  });
}

/** nsenter forks to enter the host's processes: its child is the server. */
function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return children === "" ? pid : Number(children.split(" ")[0]);
}

/** In MiB: what belongs to the process alone, as opposed to pages of its files. */
function anonymousMib(pid: number): number {
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

async function benchIdle(variant: Variant, seconds: number, settleSeconds: number): Promise<void> {
  await using lab = await createLab(1);
  const images: readonly string[] = [];
  await using cluster = await startServer(lab.host(1), { program: programOf(variant), images });
  await eventually("the node is ready", 60_000, async () =>
    / Ready /.test(await cluster.kubectl(["get", "nodes", "--no-headers"])),
  );
  await pause(settleSeconds);
  const pid = childOf(cluster.server.pid);
  const before = await usageOf(pid);
  await pause(seconds);
  const after = await usageOf(pid);
  const cpuPercent = (after.cpuMs - before.cpuMs) / (seconds * 10);
  printTable([
    [`idle for ${seconds} s, from ${variant}`, "value", "gate", ""],
    ["RSS, MiB", rounded(after.rssMib), String(gates.rssMib), verdict(after.rssMib <= gates.rssMib)],
    ["  of it its own", rounded(anonymousMib(pid)), "", ""],
    [
      "CPU, % of a core",
      rounded(cpuPercent),
      String(gates.cpuPercent),
      verdict(cpuPercent <= gates.cpuPercent),
    ],
  ]);
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    settle: { type: "string", default: "10" },
    variant: { type: "string", default: variants().at(-1) ?? "npm start" },
  },
});
const variant = variants().find((name) => name === values.variant);
if (variant === undefined) {
  throw new Error(`--variant is ${values.variant}, must be one of ${variants().join(", ")}`);
}
await benchIdle(variant, Number(values.seconds), Number(values.settle));
