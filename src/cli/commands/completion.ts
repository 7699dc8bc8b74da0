import type { CommandDefinition } from "../command.ts";
import { UsageError } from "../invocation.ts";

/** `commands` is asked for late: this command is itself in the list. */
export function completionCommand(commands: () => readonly CommandDefinition[]): CommandDefinition {
  return {
    name: "completion",
    summary: "Print a completion script for bash or zsh",
    options: [],
    args: [{ name: "shell", required: true, text: "bash or zsh" }],
    examples: ["completion bash > /etc/bash_completion.d/mini-k8s"],
    run: ({ args, invocation }) => {
      const [shell = ""] = args;
      if (shell !== "bash" && shell !== "zsh") {
        throw new UsageError([`shell is ${shell}, must be bash or zsh`]);
      }
      invocation.out(shell === "bash" ? bashScript(commands()) : zshScript(commands()));
      return Promise.resolve(0);
    },
  };
}

const flagsOf = (command: CommandDefinition): string =>
  [...command.options.map(({ name }) => `--${name}`), "--help"].join(" ");

function bashScript(commands: readonly CommandDefinition[]): string {
  const cases = commands.map((command) => `    ${command.name}) words="${flagsOf(command)}" ;;`);
  return `# bash completion of mini-k8s
_mini_k8s() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands.map(({ name }) => name).join(" ")} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mini_k8s mini-k8s
`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''").replaceAll(":", "\\:")}'`;

function zshScript(commands: readonly CommandDefinition[]): string {
  const names = commands.map(({ name, summary }) => `    ${quoted(name)}:${quoted(summary)}`);
  const cases = commands.map((command) => `    ${command.name}) compadd -- ${flagsOf(command)} ;;`);
  return `#compdef mini-k8s
_mini_k8s() {
  local -a commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    case "$words[2]" in
${cases.join("\n")}
    esac
  fi
}
_mini_k8s "$@"
`;
}
