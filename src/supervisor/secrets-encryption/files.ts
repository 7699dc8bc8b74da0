/** The state of --secrets-encryption on disk: the server's configuration, and beside it how far a rotation is. */
import { parseEncryptionConfiguration, type KeyConfiguration } from "#apiserver/encryption/configuration.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import { changedMeanwhile, configurationText, isSameState, type StateKeeper } from "./keeper.ts";
import type { EncryptionState, Stage } from "./plan.ts";

const keyBytes = 32;
const stages: readonly string[] = ["start", "prepare", "rotate", "reencrypt_finished"] satisfies Stage[];

const stagePath = (path: string): string => `${path}.stage`;

/** Named after its time, as k3s does for all but the first. */
export const newKey = (random: Random, name: string): KeyConfiguration => ({
  name,
  secret: Buffer.from(random.bytes(keyBytes)).toString("base64"),
});

export const keyNameAt = (clock: Clock): string => `aescbckey-${toRfc3339(clock.now())}`;

/** Undefined: secrets encryption was never set up here. */
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

export async function writeState(path: string, state: EncryptionState): Promise<void> {
  await writeFileAtomic(path, configurationText(state));
  await writeFileAtomic(stagePath(path), `${state.stage}\n`);
}

/** Of a server that has its store to itself. */
export class FileKeeper implements StateKeeper {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<EncryptionState> {
    const state = await readState(this.#path);
    if (state === undefined) throw new Error(`${this.#path} is gone`);
    return state;
  }

  async write(state: EncryptionState, before: EncryptionState): Promise<void> {
    if (!isSameState(await this.read(), before)) throw changedMeanwhile();
    await writeState(this.#path, state);
  }
}
