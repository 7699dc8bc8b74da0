/**
 * How values are encrypted under a KMS plugin: with a key of their own, derived from a seed that the plugin keeps safe.
 * Byte for byte upstream's. upstream: apiserver/pkg/storage/value/encrypt/aes/aes_extended_nonce.go
 */
import { createHmac, randomBytes } from "node:crypto";
import { gcmCipher, type Cipher } from "../ciphers.ts";

export const seedBytes = 32;
const infoBytes = 32;

/** The info comes first, then what AES-GCM makes of the value with the key that follows from seed and info. */
export function seedCipher(seed: Buffer): Cipher {
  return {
    encrypt: (plain, place) => {
      const info = randomBytes(infoBytes);
      return Buffer.concat([info, gcmCipher(expand(seed, info)).encrypt(plain, place)]);
    },
    decrypt: (sealed, place) => {
      const info = sealed.subarray(0, infoBytes);
      return gcmCipher(expand(seed, info)).decrypt(sealed.subarray(infoBytes), place);
    },
  };
}

/** HKDF's second half, SHA-256: one block is enough for a key. */
const expand = (seed: Buffer, info: Buffer): Buffer =>
  createHmac("sha256", seed)
    .update(info)
    .update(Buffer.from([1]))
    .digest();
