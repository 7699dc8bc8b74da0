/** From arguments to a command. Nothing heavy is loaded before the command is known. */
import { basename } from "node:path";
import { agentCommand } from "./commands/agent.ts";
import { completionCommand } from "./commands/completion.ts";
import { getCommand } from "./commands/get.ts";
import { historyCommand } from "./commands/history.ts";
import { kubectlCommand, runKubectl } from "./commands/kubectl.ts";
import { rewindCommand } from "./commands/rewind.ts";
import { secretsEncryptCommand } from "./commands/secrets-encrypt.ts";
import { serverCommand } from "./commands/server.ts";
import { snapshotCommand } from "./commands/snapshot.ts";
import { tokenCommand } from "./commands/token.ts";
import { uninstallCommand } from "./commands/uninstall.ts";
import type { CommandDefinition } from "./command.ts";
import { UsageError, type Invocation } from "./invocation.ts";
import { kubernetesVersion, version } from "./version.ts";

const commands: readonly CommandDefinition[] = [
  serverCommand,
  agentCommand,
  tokenCommand,
  secretsEncryptCommand,
  snapshotCommand,
  getCommand,
  historyCommand,
  rewindCommand,
  kubectlCommand,
  completionCommand(() => commands),
  uninstallCommand,
];

/** Returns the exit code: 0, 1 when the work failed, 2 when the command line is at fault. */
export async function main(invocation: Invocation): Promise<number> {
  const [first = "--help", ...rest] = invocation.argv;
  if (basename(invocation.program) === "kubectl") return runKubectl(invocation.argv, invocation);
  if (first === "kubectl") return runKubectl(rest, invocation);
  if (first === "--version" || first === "version" || first === "-v") {
    invocation.out(`mini-k8s ${version} (Kubernetes ${kubernetesVersion}, Node ${process.version})\n`);
    return 0;
  }
  if (first === "--help" || first === "-h" || first === "help") return printHelp(rest[0], invocation);
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) {
    invocation.err(`mini-k8s: unknown command ${first}; \`mini-k8s --help\` lists them\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) return printHelp(first, invocation);
  return runCommand(command, { ...invocation, argv: rest });
}

async function runCommand(command: CommandDefinition, invocation: Invocation): Promise<number> {
  const { parseCommandLine } = await import("./flags.ts");
  try {
    const { values, args } = await parseCommandLine(command.options, invocation);
    checkArguments(command, args);
    return await command.run({ values, args, invocation });
  } catch (error) {
    const faults = faultsOf(error);
    if (faults === undefined) throw error;
    for (const fault of faults) invocation.err(`mini-k8s ${command.name}: ${fault}\n`);
    return 2;
  }
}

function faultsOf(error: unknown): readonly string[] | undefined {
  return error instanceof UsageError ? error.faults : undefined;
}

function checkArguments(command: CommandDefinition, args: readonly string[]): void {
  const required = command.args.filter((arg) => arg.required);
  if (args.length < required.length) {
    throw new UsageError([`${required[args.length]?.name ?? "an argument"} is missing`]);
  }
  const takesAll = command.args.at(-1)?.name.endsWith("...") === true;
  if (args.length > command.args.length && !takesAll) {
    throw new UsageError(args.slice(command.args.length).map((arg) => `unexpected argument ${arg}`));
  }
}

async function printHelp(name: string | undefined, invocation: Invocation): Promise<number> {
  const { commandHelp, rootHelp } = await import("./help.ts");
  const command = commands.find((candidate) => candidate.name === name);
  invocation.out(command === undefined ? rootHelp(commands, version) : commandHelp(command));
  return 0;
}
