/** The server's join tokens: read, made once, kept next to the data. */
import type { Random } from "#base/random.ts";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import { formatJoinToken, parseJoinToken } from "#pki/join-token.ts";
import type { ServerPaths } from "./paths.ts";

export interface ServerTokens {
  /** Full tokens, as `mini-k8s token` prints them. */
  readonly server: string;
  readonly agent: string;
  readonly serverPassword: string;
  readonly agentPassword: string;
}

export interface TokenInput {
  readonly token: string | undefined;
  readonly agentToken: string | undefined;
  readonly caPem: string;
  readonly paths: ServerPaths;
}

/** Throws when a token on disk differs from the one given: the data belongs to another cluster. */
export async function loadTokens(input: TokenInput, random: Random): Promise<ServerTokens> {
  const kept = await keptPassword(input.paths);
  const given = input.token === undefined ? undefined : parseJoinToken(input.token, "server").password;
  if (kept !== undefined && given !== undefined && kept !== given) {
    throw new Error(`--token differs from the one this cluster was made with (${input.paths.token})`);
  }
  const serverPassword = kept ?? given ?? random.bytes(16).toString("hex");
  const agentPassword =
    input.agentToken === undefined ? serverPassword : parseJoinToken(input.agentToken, "node").password;
  const server = formatJoinToken(input.caPem, "server", serverPassword);
  const agent =
    agentPassword === serverPassword ? server : formatJoinToken(input.caPem, "node", agentPassword);
  await Promise.all([
    writeIfChanged(input.paths.token, `${server}\n`),
    writeIfChanged(input.paths.agentToken, `${agent}\n`),
  ]);
  return { server, agent, serverPassword, agentPassword };
}

/** The password of the token on disk. */
export async function keptPassword(paths: ServerPaths): Promise<string | undefined> {
  const kept = await readTextIfExists(paths.token);
  return kept === undefined ? undefined : parseJoinToken(kept, "server").password;
}

async function writeIfChanged(path: string, text: string): Promise<void> {
  if ((await readTextIfExists(path)) !== text) await writeFileAtomic(path, text, 0o600);
}

/** --token, or what --token-file holds. */
export async function givenToken(options: {
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
}): Promise<string | undefined> {
  if (options.tokenFile === undefined) return options.token;
  const text = await readTextIfExists(options.tokenFile);
  if (text === undefined || text.trim() === "") {
    throw new Error(
      `--token-file is ${options.tokenFile}, which ${text === undefined ? "does not exist" : "is empty"}`,
    );
  }
  return text.trim();
}
