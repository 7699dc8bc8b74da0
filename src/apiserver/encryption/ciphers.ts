/**
 * The ciphers of encryption at rest, byte for byte upstream's, so that either can read what the other wrote.
 * upstream: apiserver/pkg/storage/value/encrypt/{aes,secretbox}
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

export type CipherName = "aescbc" | "aesgcm" | "secretbox";

export interface Cipher {
  /** `place` is the key in the store: what was written in one place can't be read in another, where the cipher can say so. */
  encrypt(plain: Buffer, place: string): Buffer;
  /** Throws, in upstream's words, when the bytes weren't written with this key. */
  decrypt(sealed: Buffer, place: string): Buffer;
  /** What has to be waited for before these bytes can be decrypted; undefined: nothing. */
  prepare?(sealed: Buffer): Promise<void> | undefined;
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

const tooShort = "the stored data was shorter than the required size";

function saying<T>(words: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Error(words, { cause: error });
  }
}

/** Of PKCS#7. */
function withoutPadding(padded: Buffer): Buffer {
  const padding = padded.at(-1) ?? 0;
  if (padding === 0 || padding > padded.length) {
    throw new Error("invalid PKCS7 data (empty or not padded)");
  }
  const end = padded.length - padding;
  if (!padded.subarray(end).every((byte) => byte === padding)) throw new Error("invalid padding on input");
  return padded.subarray(0, end);
}

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
        if (sealed.length < ivBytes) throw new Error(tooShort);
        if (sealed.length % ivBytes !== 0) {
          throw new Error("the stored data is not a multiple of the block size");
        }
        const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, ivBytes));
        decipher.setAutoPadding(false);
        return withoutPadding(Buffer.concat([decipher.update(sealed.subarray(ivBytes)), decipher.final()]));
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
        if (sealed.length < boxNonceBytes + tagBytes) throw new Error(tooShort);
        const box = xsalsa20poly1305(secret, sealed.subarray(0, boxNonceBytes));
        return saying("output array was not large enough for encryption", () =>
          Buffer.from(box.decrypt(sealed.subarray(boxNonceBytes))),
        );
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
      if (sealed.length < gcmNonceBytes) throw new Error(tooShort);
      return saying("cipher: message authentication failed", () => {
        const nonce = sealed.subarray(0, gcmNonceBytes);
        const rest = sealed.subarray(gcmNonceBytes);
        const decipher = createDecipheriv(algorithm, secret, nonce, { authTagLength: tagBytes })
          .setAAD(Buffer.from(place, "utf8"))
          .setAuthTag(rest.subarray(-tagBytes));
        return Buffer.concat([decipher.update(rest.subarray(0, -tagBytes)), decipher.final()]);
      });
    },
  };
}
