import type { CommandDefinition } from "../command.ts";
import { agentSpecs } from "#supervisor/option-tables.ts";
import { UsageError } from "../invocation.ts";

const dataDir = agentSpecs.filter(({ name }) => name === "data-dir");

export const tokenCommand: CommandDefinition = {
  name: "token",
  summary: "Print the token that lets machines join this server",
  description:
    "The token starts with K10 and the SHA-256 of the server's CA: a machine that joins with it can't be fooled by " +
    "another server.",
  options: dataDir,
  args: [],
  examples: ["token", "agent --join https://server:6443 --token $(ssh server mini-k8s token)"],
  run: async ({ values, invocation }) => {
    const { serverPaths } = await import("#supervisor/paths.ts");
    const { defaultDataDir, thisMachine } = await import("#supervisor/options.ts");
    const { readTextIfExists } = await import("#base/files.ts");
    const given = values["data-dir"];
    const dir =
      typeof given === "string" ? given : defaultDataDir(thisMachine(invocation.env["HOME"] ?? "/"));
    const path = serverPaths(dir).agentToken;
    const token = await readTextIfExists(path);
    if (token === undefined) throw new UsageError([`there is no server in ${dir}: ${path} does not exist`]);
    invocation.out(`${token.trim()}\n`);
    return 0;
  },
};
