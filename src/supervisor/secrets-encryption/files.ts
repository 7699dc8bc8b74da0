/** The state of --secrets-encryption on disk: the server's configuration, and beside it how far a rotation is. */
import { createHash } from "node:crypto";
import { parseEncryptionConfiguration, type KeyConfiguration } from "#apiserver/encryption/configuration.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import { configurationOf, newState, type EncryptionState, type Stage } from "./plan.ts";

const keyBytes = 32;
const stages: readonly string[] = ["start", "prepare", "rotate", "reencrypt_finished"] satisfies Stage[];

const stagePath = (path: string): string => `${path}.stage`;

/** Named after its time, as k3s does for all but the first. */
export const newKey = (random: Random, name: string): KeyConfiguration => ({
  name,
  secret: Buffer.from(random.bytes(keyBytes)).toString("base64"),
});

export const keyNameAt = (clock: Clock): string => `aescbckey-${toRfc3339(clock.now())}`;

/** Undefined: secrets encryption was never enabled here. */
export async function readState(path: string): Promise<EncryptionState | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  const stage = (await readTextIfExists(stagePath(path)))?.trim() ?? "start";
  const [first] = parseEncryptionConfiguration(path, text).resources;
  const providers = first?.providers ?? [];
  return {
    stage: stages.includes(stage) ? (stage as Stage) : "start",
    isEnabled: providers[0]?.aescbc !== undefined,
    keys: providers.flatMap(({ aescbc }) => aescbc?.keys ?? []),
  };
}

/** Returns the hash by which a server says that it has read this. */
export async function writeState(path: string, state: EncryptionState): Promise<string> {
  const text = `${JSON.stringify(configurationOf(state))}\n`;
  await writeFileAtomic(path, text);
  await writeFileAtomic(stagePath(path), `${state.stage}\n`);
  return hashOf(text);
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export async function hashOfFile(path: string): Promise<string> {
  return hashOf((await readTextIfExists(path)) ?? "");
}

/** What a server with --secrets-encryption starts with, and one that has ever had it. */
export async function encryptionFile(
  path: string,
  isWanted: boolean,
  random: Random,
): Promise<string | undefined> {
  if ((await readTextIfExists(path)) !== undefined) return path;
  if (!isWanted) return undefined;
  await writeState(path, newState(newKey(random, "aescbckey")));
  return path;
}
