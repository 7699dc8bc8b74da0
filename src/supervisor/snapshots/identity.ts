/**
 * What makes a cluster the one its agents and clients know, and its Secrets readable: its authorities, the key of its
 * service accounts, the keys of its encryption at rest. A snapshot takes them along, sealed with the cluster's token, so that it can be restored on another machine by who
 * knows the token. k3s keeps the same in its datastore, sealed the same way.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorCode, readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { ServerPaths } from "../paths.ts";

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const kept = /^((server|client)-ca\.(crt|key)|service\.key)$/;
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;

export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code = "IDENTITY";
}

type IdentityPaths = Pick<ServerPaths, "tls" | "encryption">;

/** Under this name beside those of `tls`. */
const encryptionName = "encryption-config.json";

export async function sealIdentity({ tls, encryption }: IdentityPaths, password: string): Promise<string> {
  const files: Record<string, string> = {};
  for (const name of await readdir(tls)) {
    if (kept.test(name)) files[name] = await readFile(join(tls, name), "utf8");
  }
  const encryptionConfig = await readTextIfExists(encryption);
  if (encryptionConfig !== undefined) files[encryptionName] = encryptionConfig;
  const [salt, nonce] = [randomBytes(saltBytes), randomBytes(nonceBytes)];
  const cipher = createCipheriv("aes-256-gcm", await derive(password, salt, 32), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(files), "utf8"), cipher.final()]);
  return Buffer.concat([salt, nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** Throws IdentityError when it is another token. */
export async function unsealIdentity(
  sealed: string,
  password: string,
  { tls, encryption }: IdentityPaths,
): Promise<void> {
  const bytes = Buffer.from(sealed, "base64");
  const salt = bytes.subarray(0, saltBytes);
  const nonce = bytes.subarray(saltBytes, saltBytes + nonceBytes);
  const tag = bytes.subarray(saltBytes + nonceBytes, saltBytes + nonceBytes + tagBytes);
  const decipher = createDecipheriv("aes-256-gcm", await derive(password, salt, 32), nonce);
  decipher.setAuthTag(tag);
  let text: string;
  try {
    const content = bytes.subarray(saltBytes + nonceBytes + tagBytes);
    text = Buffer.concat([decipher.update(content), decipher.final()]).toString("utf8");
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
