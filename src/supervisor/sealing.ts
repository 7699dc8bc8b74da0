/**
 * Keys of the cluster, sealed with a key made of its token's password: what lies in a datastore or a snapshot gives
 * nobody the cluster who doesn't know the token. Salt, nonce, tag, text.
 */
import { createCipheriv, createDecipheriv, scrypt } from "node:crypto";
import { promisify } from "node:util";
import type { Random } from "#base/random.ts";

const cipher = "aes-256-gcm";
const keyBytes = 32;
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Another password, or damage. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code = "SEAL";
}

export async function seal(text: string, password: string, random: Random): Promise<Buffer> {
  const [salt, nonce] = [random.bytes(saltBytes), random.bytes(nonceBytes)];
  const sealing = createCipheriv(cipher, await derive(password, salt, keyBytes), nonce);
  const sealed = Buffer.concat([sealing.update(text, "utf8"), sealing.final()]);
  return Buffer.concat([salt, nonce, sealing.getAuthTag(), sealed]);
}

/** Throws SealError. */
export async function unseal(sealed: Buffer, password: string): Promise<string> {
  let at = 0;
  const take = (count: number): Buffer => sealed.subarray(at, (at += count));
  const [salt, nonce, tag] = [take(saltBytes), take(nonceBytes), take(tagBytes)];
  const key = await derive(password, salt, keyBytes);
  try {
    const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes });
    opening.setAuthTag(tag);
    return Buffer.concat([opening.update(sealed.subarray(at)), opening.final()]).toString("utf8");
  } catch (cause) {
    throw new SealError("it was sealed with another password, or is damaged", { cause });
  }
}
