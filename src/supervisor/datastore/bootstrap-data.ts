/**
 * What all servers of a cluster must have in common, kept in the datastore they share: the authorities, the key of
 * ServiceAccount tokens, the join password. Sealed with that password (sealing.ts). The first server creates it, the others take it. k3s: pkg/cluster/storage.go
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { checkCaHash, parseJoinToken } from "#pki/join-token.ts";
import { KeyExistsError, type Store } from "#store/store.ts";
import { KeyFiles, newAuthorities, type SharedKeys } from "../certificates.ts";
import { seal, unseal } from "../sealing.ts";
import { keptPassword } from "../tokens.ts";
import type { ServerPaths } from "../paths.ts";

/** Beside /registry: no object of the API. */
const key = "/bootstrap/mini-k8s";
const format = 1;

interface BootstrapData extends SharedKeys {
  readonly password: string;
}

export interface BootstrapInput {
  /** --token, or what is in --token-file. */
  readonly token: string | undefined;
  readonly paths: ServerPaths;
  /** How messages name the datastore. */
  readonly datastore: string;
}

export interface BootstrapDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Makes this server's files what the cluster's are. Returns the password of the server token. */
export async function shareBootstrapData(input: BootstrapInput, deps: BootstrapDeps): Promise<string> {
  const { paths, token } = input;
  const files = new KeyFiles(paths.tls, deps);
  const given = token === undefined ? undefined : parseJoinToken(token, "server");
  const known = given?.password ?? (await keptPassword(paths));
  for (;;) {
    const { entry } = await deps.store.get(key);
    if (entry === undefined) {
      const password = known ?? deps.random.bytes(16).toString("hex");
      const data = { ...((await files.shared()) ?? newAuthorities(deps)), password };
      try {
        await deps.store.create(key, await sealData(data, password, deps.random));
      } catch (error) {
        // Another server was faster: its data is the cluster's.
        if (error instanceof KeyExistsError) continue;
        throw error;
      }
      await files.writeShared(data);
      deps.log.info("cluster created", { datastore: input.datastore });
      return password;
    }
    if (known === undefined) {
      throw new Error(
        `--token is missing: the datastore ${input.datastore} holds a cluster already, start with its token`,
      );
    }
    const data = await unsealData(entry.value, known, input.datastore);
    if (given !== undefined) checkCaHash(given, data.serverCa.certificatePem);
    await takeOver(files, data, input);
    deps.log.info("cluster joined", { datastore: input.datastore });
    return known;
  }
}

async function takeOver(
  files: KeyFiles,
  data: BootstrapData,
  { paths, datastore }: BootstrapInput,
): Promise<void> {
  const own = await files.shared();
  if (own === undefined) {
    await files.writeShared(data);
    return;
  }
  if (own.serverCa.certificatePem !== data.serverCa.certificatePem) {
    throw new Error(
      `${paths.tls} holds the keys of another cluster than the datastore ${datastore}: ` +
        "use another --data-dir, or move that folder away",
    );
  }
  await files.writeShared(data);
}

async function sealData(data: BootstrapData, password: string, random: Random): Promise<Buffer> {
  return Buffer.concat([Buffer.from([format]), await seal(JSON.stringify(data), password, random)]);
}

async function unsealData(sealed: Buffer, password: string, datastore: string): Promise<BootstrapData> {
  if (sealed[0] !== format) {
    throw new Error(
      `the datastore ${datastore} was set up by another version of mini-k8s: ${key} has form ${sealed[0]}`,
    );
  }
  let text: string;
  try {
    text = await unseal(sealed.subarray(1), password);
  } catch (cause) {
    throw new Error(`--token is not the one that the cluster in the datastore ${datastore} was made with`, {
      cause,
    });
  }
  return JSON.parse(text) as BootstrapData;
}
