/** Help texts, laid out by oclif. */
import { CommandHelp } from "@oclif/core/help";
import type { CommandDefinition } from "./command.ts";
import { oclifFlags } from "./flags.ts";

const bin = "mini-k8s";
/** Help is the same on every terminal: it is a golden file. */
const width = 100;

type HelpConfig = ConstructorParameters<typeof CommandHelp>[1];
type HelpCommand = ConstructorParameters<typeof CommandHelp>[0];

class FixedWidthHelp extends CommandHelp {
  override wrap(body: string, spacing = 0): string {
    const room = width - spacing;
    return body
      .split("\n")
      .map((line) => fold(line, room))
      .join("\n");
  }
}

function fold(line: string, room: number): string {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > room) {
      lines.push(current);
      current = word;
    } else {
      current = current === "" ? word : `${current} ${word}`;
    }
  }
  return [...lines, current].join("\n");
}

export function commandHelp(command: CommandDefinition): string {
  const flags = Object.entries(oclifFlags(command.options)).map(([name, flag]) => [name, { ...flag, name }]);
  const described = {
    id: command.name,
    aliases: [],
    hiddenAliases: [],
    summary: command.summary,
    description: command.description ?? command.summary,
    examples: command.examples.map((example) => `$ ${bin} ${example}`),
    flags: Object.fromEntries(flags) as HelpCommand["flags"],
    args: Object.fromEntries(
      command.args.map(({ name, required, text }) => [
        name,
        { name, required, description: text, input: [] },
      ]),
    ) as unknown as HelpCommand["args"],
    hasDynamicHelp: false,
  } as unknown as HelpCommand;
  const config = {
    bin,
    topicSeparator: " ",
    theme: undefined,
    pjson: { oclif: {} },
  } as unknown as HelpConfig;
  const help = new FixedWidthHelp(described, config, {
    docopts: false,
    maxWidth: width,
    stripAnsi: true,
    flagSortOrder: "none",
    hideCommandSummaryInDescription: false,
  });
  return `${command.summary}\n\n${help.generate()}\n`;
}

export function rootHelp(commands: readonly CommandDefinition[], version: string): string {
  const longest = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(longest + 2)}${summary}`);
  return [
    "A whole Kubernetes in one executable",
    "",
    "VERSION",
    `  ${version}`,
    "",
    "USAGE",
    `  $ ${bin} COMMAND [OPTIONS]`,
    "",
    "COMMANDS",
    ...lines,
    "",
    `\`${bin} COMMAND --help\` tells more. Called through a link named kubectl it is kubectl.`,
    "",
  ].join("\n");
}
