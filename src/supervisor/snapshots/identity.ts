/**
 * What makes a cluster the one its agents and clients know, and its Secrets readable: its authorities, the key of its
 * service accounts, the keys of its encryption at rest. A snapshot takes them along, sealed with the cluster's token
 * (sealing.ts), so that it can be restored on another machine by who knows that.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import type { ServerPaths } from "../paths.ts";
import { seal, unseal } from "../sealing.ts";

const kept = /^((server|client)-ca\.(crt|key)|service\.key)$/;

export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code = "IDENTITY";
}

type IdentityPaths = Pick<ServerPaths, "tls" | "encryption">;

/** Under this name beside those of `tls`. */
const encryptionName = "encryption-config.json";

export async function sealIdentity(
  { tls, encryption }: IdentityPaths,
  password: string,
  random: Random,
): Promise<string> {
  const files: Record<string, string> = {};
  for (const name of await readdir(tls)) {
    if (kept.test(name)) files[name] = await readFile(join(tls, name), "utf8");
  }
  const encryptionConfig = await readTextIfExists(encryption);
  if (encryptionConfig !== undefined) files[encryptionName] = encryptionConfig;
  return (await seal(JSON.stringify(files), password, random)).toString("base64");
}

/** Throws IdentityError when it is another token. */
export async function unsealIdentity(
  sealed: string,
  password: string,
  { tls, encryption }: IdentityPaths,
): Promise<void> {
  let text: string;
  try {
    text = await unseal(Buffer.from(sealed, "base64"), password);
  } catch (cause) {
    const message = "the token isn't the one of the snapshot's cluster: give that with --token";
    throw new IdentityError(message, { cause });
  }
  for (const [name, content] of Object.entries(JSON.parse(text) as Record<string, string>)) {
    if (name === encryptionName) await writeFileAtomic(encryption, content, 0o600);
    else if (kept.test(name)) await writeFileAtomic(join(tls, name), content, 0o600);
  }
}

export async function hasIdentity(tlsDirectory: string): Promise<boolean> {
  try {
    return (await readdir(tlsDirectory)).includes("server-ca.key");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
