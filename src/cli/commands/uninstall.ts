import { serverSpecs } from "#supervisor/option-tables.ts";
import type { CommandDefinition } from "../command.ts";
import { UsageError } from "../invocation.ts";
import { runUntilStopped } from "../run.ts";

const names = new Set([
  "data-dir",
  "debug",
  "log-format",
  "runtime",
  "docker",
  "container-runtime-endpoint",
  "write-kubeconfig",
]);

export const uninstallCommand: CommandDefinition = {
  name: "uninstall",
  summary: "Remove every pod, network rule, cgroup and file of mini-k8s from this machine",
  description:
    "Pods outlive the server on purpose. This ends them, takes back links, routes, rules, mounts and cgroups, and " +
    "deletes the data directory. The server or agent of that directory must be stopped.",
  options: serverSpecs.filter(({ name }) => names.has(name)),
  args: [],
  examples: ["uninstall", "uninstall --data-dir /srv/mini-k8s"],
  run: async ({ values, invocation }) => {
    const { readServerOptions, thisMachine } = await import("#supervisor/options.ts");
    const { options, faults } = readServerOptions(values, thisMachine(invocation.env["HOME"] ?? "/"));
    if (faults.length > 0) throw new UsageError(faults);
    const { uninstall } = await import("#supervisor/uninstall.ts");
    return runUntilStopped(options, invocation, (host) => uninstall(options, host));
  },
};
