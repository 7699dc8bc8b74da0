/** What server and agent share: the log, the outcome, the exit code. */
import { loadAssets } from "./assets.ts";
import { systemClock } from "#base/clock.ts";
import { createLogger, errorText, type Logger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { Assets, Host } from "#supervisor/host.ts";
import type { NodeOptions } from "#supervisor/options.ts";
import type { Invocation } from "./invocation.ts";
import { searchPath } from "./search-path.ts";
import { kubernetesVersion, version } from "./version.ts";

export async function runUntilStopped(
  options: NodeOptions,
  invocation: Invocation,
  run: (host: Host) => Promise<void>,
  { startsStore } = { startsStore: false },
): Promise<number> {
  const log = createLogger({
    level: options.debug ? "debug" : "info",
    format: options.logFormat,
    clock: systemClock,
    write: invocation.err,
  });
  // For the programs that a node runs, wherever it runs them.
  process.env["PATH"] = searchPath(invocation.env["PATH"]);
  try {
    const assets = loadAssets({ dataDir: options.dataDir, startsStore });
    await run(hostOf(assets, invocation, log));
    return 0;
  } catch (error) {
    log.error("stopped by a failure", { error: errorText(error) });
    if (options.debug && error instanceof Error) log.error("where", { stack: error.stack });
    return 1;
  }
}

function hostOf(assets: Assets, invocation: Invocation, log: Logger): Host {
  return {
    clock: systemClock,
    random: systemRandom,
    log,
    signal: invocation.signal,
    say: invocation.out,
    version,
    kubernetesVersion,
    assets,
    openDatastore: async (datastore, host) => {
      if (datastore.kind === "postgres") {
        const { openPostgres } = await import("#supervisor/datastore/postgres.ts");
        return openPostgres(datastore, host);
      }
      const { openEtcd } = await import("#supervisor/datastore/etcd.ts");
      return openEtcd(datastore, host);
    },
    loadExpressions: async () => {
      const { createExpressions } = await import("#api/expressions.ts");
      return createExpressions();
    },
    listenAsEtcd: async (...args) => {
      const { listenAsEtcd } = await import("#supervisor/etcd-listen/serve.ts");
      return listenAsEtcd(...args);
    },
    connectDocker: async (address) => {
      const { default: Docker } = await import("dockerode");
      return new Docker(address);
    },
  };
}
