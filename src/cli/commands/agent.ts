import { agentSpecs } from "#supervisor/option-tables.ts";
import type { CommandDefinition } from "../command.ts";
import { UsageError } from "../invocation.ts";
import { runUntilStopped } from "../run.ts";

export const agentCommand: CommandDefinition = {
  name: "agent",
  summary: "Join this machine to a server as a node",
  description:
    "Fetches the server's CA, checks it against the token, gets certificates and runs pods. The token is what " +
    "`mini-k8s token` prints on the server.",
  options: agentSpecs,
  args: [],
  examples: ["agent --join https://server:6443 --token K10...::server:..."],
  run: async ({ values, invocation }) => {
    const { readAgentOptions, thisMachine } = await import("#supervisor/options.ts");
    const { options, faults } = readAgentOptions(values, thisMachine(invocation.env["HOME"] ?? "/"));
    if (faults.length > 0) throw new UsageError(faults);
    const { runAgent } = await import("#supervisor/agent.ts");
    return runUntilStopped(options, invocation, (host) => runAgent(options, host));
  },
};
