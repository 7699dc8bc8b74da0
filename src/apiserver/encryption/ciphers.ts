/**
 * The ciphers of encryption at rest, byte for byte upstream's, so that either can read what the other wrote.
 * upstream: apiserver/pkg/storage/value/encrypt/{aes,secretbox}
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

export type CipherName = "aescbc" | "aesgcm" | "secretbox";

export interface Cipher {
  /** `place` is the key in the store: what was written in one place can't be read in another, where the cipher can say so. */
  encrypt(plain: Buffer, place: string): Buffer;
  /** Throws when the bytes weren't written with this key. */
  decrypt(sealed: Buffer, place: string): Buffer;
  /**
   * What has to be waited for before these bytes can be decrypted; undefined: nothing. `isPatient`: it is waited for
   * until it can be had.
   */
  prepare?(sealed: Buffer, isPatient: boolean): Promise<void> | undefined;
  /** They would be written with another key now. */
  isStale?(sealed: Buffer): boolean;
}

export const cipherOf = (name: CipherName, secret: Buffer): Promise<Cipher> => ciphers[name](secret);

/** Key lengths in bytes. */
export const keyLengths: Readonly<Record<CipherName, readonly number[]>> = {
  aescbc: [16, 24, 32],
  aesgcm: [16, 24, 32],
  secretbox: [32],
};

const ivBytes = 16;
const gcmNonceBytes = 12;
const tagBytes = 16;
const boxNonceBytes = 24;

const ciphers: Readonly<Record<CipherName, (secret: Buffer) => Promise<Cipher>>> = {
  aescbc: (secret) => {
    const algorithm = `aes-${secret.length * 8}-cbc`;
    return Promise.resolve({
      encrypt: (plain) => {
        const iv = randomBytes(ivBytes);
        const cipher = createCipheriv(algorithm, secret, iv);
        return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
      },
      decrypt: (sealed) => {
        const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, ivBytes));
        return Buffer.concat([decipher.update(sealed.subarray(ivBytes)), decipher.final()]);
      },
    });
  },
  aesgcm: (secret) => Promise.resolve(gcmCipher(secret)),
  secretbox: async (secret) => {
    // Late: it would cost every start ten milliseconds.
    const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
    return {
      encrypt: (plain) => {
        const nonce = randomBytes(boxNonceBytes);
        return Buffer.concat([nonce, xsalsa20poly1305(secret, nonce).encrypt(plain)]);
      },
      decrypt: (sealed) => {
        const box = xsalsa20poly1305(secret, sealed.subarray(0, boxNonceBytes));
        return Buffer.from(box.decrypt(sealed.subarray(boxNonceBytes)));
      },
    };
  },
};

export function gcmCipher(secret: Buffer): Cipher {
  const algorithm = `aes-${secret.length * 8}-gcm` as "aes-256-gcm";
  return {
    encrypt: (plain, place) => {
      const nonce = randomBytes(gcmNonceBytes);
      const cipher = createCipheriv(algorithm, secret, nonce).setAAD(Buffer.from(place, "utf8"));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt: (sealed, place) => {
      const nonce = sealed.subarray(0, gcmNonceBytes);
      const decipher = createDecipheriv(algorithm, secret, nonce, { authTagLength: tagBytes })
        .setAAD(Buffer.from(place, "utf8"))
        .setAuthTag(sealed.subarray(-tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(gcmNonceBytes, -tagBytes)), decipher.final()]);
    },
  };
}
