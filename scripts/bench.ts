/**
 * `npm run bench [-- NAME... [OPTION...]]`: benchmarks beside something real, one after the other.
 * bench/NAME.ts says which options it takes.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** In the order in which they run when none is named. */
const benchmarks: Readonly<Record<string, string>> = {
  start: "exec until /readyz answers on a new data directory, as npm start runs it and as executable",
  idle: "memory and CPU of a server with its own node while nothing happens (root)",
  create: "durable pod creates over HTTPS at 32 and 128 clients, beside puts into etcd",
  apiserver: "the API over HTTPS beside upstream's figures: creates, reads, watches, memory with 10,000 pods",
  store: "the SQLite store beside etcd",
};

function usage(): string {
  const lines = Object.entries(benchmarks).map(([name, text]) => `  ${name.padEnd(10)}${text}`);
  return ["usage: npm run bench [-- NAME... [OPTION...]]", ...lines, ""].join("\n");
}

function main(argv: readonly string[]): number {
  const firstOption = argv.findIndex((word) => word.startsWith("-"));
  const named = firstOption < 0 ? argv : argv.slice(0, firstOption);
  const options = argv.slice(named.length);
  if (options.includes("--help") || named.some((name) => !(name in benchmarks))) {
    process.stderr.write(usage());
    return 2;
  }
  const statuses = (named.length > 0 ? named : Object.keys(benchmarks)).map((name) => {
    console.log(`\n== ${name}: ${benchmarks[name]}`);
    const path = resolve(import.meta.dirname, "..", "bench", `${name}.ts`);
    return spawnSync(process.execPath, [path, ...options], { stdio: "inherit" }).status;
  });
  return statuses.every((status) => status === 0) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
