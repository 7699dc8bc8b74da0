/**
 * What the providers of one resource do to its values. Each sealed value says which provider and key wrote it.
 * upstream: apiserver/pkg/storage/value/transformer.go, pkg/server/options/encryptionconfig
 */
import { assert } from "#base/assert.ts";
import { cipherOf, type Cipher, type CipherName } from "./ciphers.ts";
import type { EncryptionConfiguration, ProviderConfiguration } from "./configuration.ts";
import { parseGroupResource } from "./configuration.ts";
import type { KmsProviders } from "./kms/providers.ts";

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

  private constructor(seals: readonly Seal[]) {
    this.#seals = seals;
  }

  /** `kms`: the plugins that they name. */
  static async of(
    providers: readonly ProviderConfiguration[],
    kms?: Pick<KmsProviders, "get">,
  ): Promise<Transformer> {
    return new Transformer((await Promise.all(providers.map((each) => sealsOf(each, kms)))).flat());
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

  /** Whether one of the providers wrote it. */
  knows(value: Buffer): boolean {
    return this.#seals.some(({ prefix, cipher }) =>
      cipher === undefined ? !isSealed(value) : startsWith(value, prefix),
    );
  }

  /** What has to be waited for before `open`; undefined: nothing. */
  prepare(value: Buffer, key: string, isPatient: boolean): Promise<void> | undefined {
    const seal = this.#seals.find(({ prefix, cipher }) => cipher !== undefined && startsWith(value, prefix));
    if (seal?.cipher?.prepare === undefined) return undefined;
    const failed = (error: unknown): never => {
      throw new DecryptionError(key, nameIn(seal.prefix), { cause: error });
    };
    try {
      return seal.cipher.prepare(value.subarray(seal.prefix.length), isPatient)?.catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** It was written by another provider or key than what is written now. */
  isStale(value: Buffer): boolean {
    const [first] = this.#seals;
    if (first?.cipher === undefined) return isSealed(value);
    if (!startsWith(value, first.prefix)) return true;
    return first.cipher.isStale?.(value.subarray(first.prefix.length)) === true;
  }
}

const startsWith = (value: Buffer, prefix: Buffer): boolean =>
  value.length >= prefix.length && value.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;

const sealedBytes = Buffer.from(sealedPrefix, "latin1");
const isSealed = (value: Buffer): boolean => startsWith(value, sealedBytes);

/** The provider and key in a sealed value's beginning. */
const nameIn = (prefix: Buffer): string => prefix.toString("utf8").slice(sealedPrefix.length, -1);

async function sealsOf(
  provider: ProviderConfiguration,
  kms: Pick<KmsProviders, "get"> | undefined,
): Promise<Seal[]> {
  if (provider.kms !== undefined) {
    const { name } = provider.kms;
    const cipher = kms?.get(name);
    assert(cipher !== undefined, `KMS provider ${name} wasn't made`);
    return [{ prefix: Buffer.from(`${sealedPrefix}kms:v2:${name}:`, "utf8"), cipher }];
  }
  if (provider.identity !== undefined) return [{ prefix: Buffer.alloc(0), cipher: undefined }];
  const seals = (["aesgcm", "aescbc", "secretbox"] satisfies CipherName[]).flatMap((name) =>
    (provider[name]?.keys ?? []).map(async (key) => ({
      prefix: Buffer.from(`${sealedPrefix}${name}:v1:${key.name}:`, "utf8"),
      cipher: await cipherOf(name, Buffer.from(key.secret, "base64")),
    })),
  );
  return Promise.all(seals);
}

/** The first entry that names the resource decides. Undefined: it is kept plain, and always was. */
export async function transformerFinder(
  configuration: EncryptionConfiguration,
  kms?: Pick<KmsProviders, "get">,
): Promise<(group: string, resource: string) => Transformer | undefined> {
  const entries = await Promise.all(
    configuration.resources.map(async ({ resources, providers }) => ({
      patterns: resources.map(parseGroupResource),
      transformer: await Transformer.of(providers, kms),
    })),
  );
  return (group, resource) =>
    entries.find(({ patterns }) =>
      patterns.some(
        (pattern) =>
          (pattern.group === "*" || pattern.group === group) &&
          (pattern.resource === "*" || pattern.resource === resource),
      ),
    )?.transformer;
}
