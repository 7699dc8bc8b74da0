/**
 * What the providers of one resource do to its values. Each sealed value says which provider and key wrote it.
 * upstream: apiserver/pkg/storage/value/transformer.go, pkg/server/options/encryptionconfig
 */
import { cipherOf, type Cipher, type CipherName } from "./ciphers.ts";
import type { EncryptionConfiguration, ProviderConfiguration } from "./configuration.ts";
import { parseGroupResource } from "./configuration.ts";

/** Every sealed value begins with it; what doesn't is plain. */
const sealedPrefix = "k8s:enc:";

export class DecryptionError extends Error {
  override readonly name = "DecryptionError";
  readonly code = "DECRYPTION";
  readonly key: string;
  constructor(key: string, reason: string, options?: ErrorOptions) {
    super(`${key} can't be decrypted: ${reason}`, options);
    this.key = key;
  }
}

interface Seal {
  /** "k8s:enc:aescbc:v1:key1:"; "" writes plain. */
  readonly prefix: Buffer;
  readonly cipher: Cipher | undefined;
}

export class Transformer {
  readonly #seals: readonly Seal[];

  constructor(providers: readonly ProviderConfiguration[]) {
    this.#seals = providers.flatMap(sealsOf);
  }

  seal(value: Buffer, key: string): Buffer {
    const [first] = this.#seals;
    return first?.cipher === undefined
      ? value
      : Buffer.concat([first.prefix, first.cipher.encrypt(value, key)]);
  }

  /** Throws DecryptionError. */
  open(value: Buffer, key: string): Buffer {
    if (!isSealed(value)) {
      if (this.#seals.some(({ cipher }) => cipher === undefined)) return value;
      throw new DecryptionError(key, "no matching prefix found: it is plain, and identity is no provider");
    }
    const seal = this.#seals.find(({ prefix, cipher }) => cipher !== undefined && startsWith(value, prefix));
    if (seal?.cipher === undefined) throw new DecryptionError(key, "no matching prefix found");
    try {
      return seal.cipher.decrypt(value.subarray(seal.prefix.length), key);
    } catch (error) {
      throw new DecryptionError(key, `the key ${nameIn(seal.prefix)} doesn't fit`, { cause: error });
    }
  }

  /** It was written by another provider or key than what is written now. */
  isStale(value: Buffer): boolean {
    const [first] = this.#seals;
    return first?.cipher === undefined ? isSealed(value) : !startsWith(value, first.prefix);
  }
}

const startsWith = (value: Buffer, prefix: Buffer): boolean =>
  value.length >= prefix.length && value.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;

const sealedBytes = Buffer.from(sealedPrefix, "latin1");
export const isSealed = (value: Buffer): boolean => startsWith(value, sealedBytes);

/** The provider and key in a sealed value's beginning. */
const nameIn = (prefix: Buffer): string => prefix.toString("utf8").slice(sealedPrefix.length, -1);

function sealsOf(provider: ProviderConfiguration): Seal[] {
  if (provider.identity !== undefined) return [{ prefix: Buffer.alloc(0), cipher: undefined }];
  return (["aesgcm", "aescbc", "secretbox"] satisfies CipherName[]).flatMap((name) =>
    (provider[name]?.keys ?? []).map((key) => ({
      prefix: Buffer.from(`${sealedPrefix}${name}:v1:${key.name}:`, "utf8"),
      cipher: cipherOf(name, Buffer.from(key.secret, "base64")),
    })),
  );
}

/** The first entry that names the resource decides. Undefined: it is kept plain, and always was. */
export function transformerFinder(
  configuration: EncryptionConfiguration,
): (group: string, resource: string) => Transformer | undefined {
  const entries = configuration.resources.map(({ resources, providers }) => ({
    patterns: resources.map(parseGroupResource),
    transformer: new Transformer(providers),
  }));
  return (group, resource) =>
    entries.find(({ patterns }) =>
      patterns.some(
        (pattern) =>
          (pattern.group === "*" || pattern.group === group) &&
          (pattern.resource === "*" || pattern.resource === resource),
      ),
    )?.transformer;
}
