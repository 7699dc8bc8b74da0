import { serverSpecs } from "#supervisor/option-tables.ts";
import type { Host } from "#supervisor/host.ts";
import type { CommandDefinition } from "../command.ts";
import { UsageError } from "../invocation.ts";
import { runUntilStopped } from "../run.ts";

export const serverCommand: CommandDefinition = {
  name: "server",
  summary: "Run a Kubernetes server, and a node on this machine",
  description:
    "Starts the API server with its store, the controllers and the scheduler, and makes this machine a node unless " +
    "--disable-agent is given. Every option can also be set as MINI_K8S_<NAME> or as a key of the config file; " +
    "flags win over the environment, the environment over files.",
  options: serverSpecs,
  args: [],
  examples: [
    "server",
    "server --data-dir /srv/mini-k8s --https-listen-port 7443",
    "server --disable-agent --disable dns",
    "server --token SECRET --datastore-endpoint https://etcd-1:2379,https://etcd-2:2379,https://etcd-3:2379",
  ],
  run: async ({ values, invocation }) => {
    const { readServerOptions, thisMachine } = await import("#supervisor/options.ts");
    const { options, faults } = readServerOptions(values, thisMachine(invocation.env["HOME"] ?? "/"));
    if (faults.length > 0) throw new UsageError(faults);
    const run = async (host: Host): Promise<void> => {
      const { runServer } = await import("#supervisor/server.ts");
      await runServer(options, host);
    };
    return runUntilStopped(options, invocation, run, { startsStore: options.datastore.kind === "sqlite" });
  },
};
