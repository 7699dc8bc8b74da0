/**
 * What the providers of one resource do to its values. Each sealed value says which provider and key wrote it.
 * upstream: apiserver/pkg/storage/value/transformer.go, pkg/server/options/encryptionconfig
 */
import { qualifiedResource } from "#api/meta/object.ts";
import type {
  Transformation,
  TransformationMetrics,
  TransformationType,
} from "#apiserver/metrics/transformation-metrics.ts";
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
  /** The prefix as metrics have it: the provider's, then the key's. */
  readonly prefixes: readonly string[];
  readonly cipher: Cipher | undefined;
}

/** What metrics tell of a transformer. */
interface Measuring {
  readonly resource: string;
  readonly metrics: TransformationMetrics;
}

/** Of a value that no provider wrote. upstream's word */
const unknownPrefixes: readonly string[] = ["unknown"];

export class Transformer {
  readonly #seals: readonly Seal[];
  readonly #measuring: Measuring | undefined;

  private constructor(seals: readonly Seal[], measuring?: Measuring) {
    this.#seals = seals;
    this.#measuring = measuring;
  }

  /** `kms`: the plugins that they name. */
  static async of(
    providers: readonly ProviderConfiguration[],
    kms?: Pick<KmsProviders, "get">,
  ): Promise<Transformer> {
    return new Transformer((await Promise.all(providers.map((each) => sealsOf(each, kms)))).flat());
  }

  /** The same for one resource, whose transformations are counted. */
  measured(measuring: Measuring): Transformer {
    return new Transformer(this.#seals, measuring);
  }

  seal(value: Buffer, key: string): Buffer {
    const [first] = this.#seals;
    if (first === undefined) return value;
    const { prefix, prefixes, cipher } = first;
    return this.#transform("to_storage", prefixes, () =>
      cipher === undefined ? value : Buffer.concat([prefix, cipher.encrypt(value, key)]),
    );
  }

  /** Throws DecryptionError. */
  open(value: Buffer, key: string): Buffer {
    const seal = this.#seals.find(({ prefix, cipher }) =>
      cipher === undefined ? !isSealed(value) : startsWith(value, prefix),
    );
    return this.#transform("from_storage", seal?.prefixes ?? unknownPrefixes, () => {
      if (seal !== undefined) return openWith(seal, value, key);
      throw new DecryptionError(key, this.#unopenable(value));
    });
  }

  /** upstream: apiserver/pkg/server/options/encryptionconfig/config.go */
  #unopenable(value: Buffer): string {
    if (!isSealed(value)) return "no matching prefix found: it is plain, and identity is no provider";
    const [, cipher = "", , key = ""] = /^k8s:enc:(\w+):(v\d):([^:]*):/.exec(value.toString("latin1")) ?? [];
    const isKnown = this.#seals.some(({ prefixes: [first] }) => first === `${sealedPrefix}${cipher}:v1:`);
    if (!isKnown) return "no matching prefix found";
    const kind = cipher === "secretbox" ? "Secretbox" : "AES";
    return `no matching key was found for the provided ${kind} transformer: it is sealed with ${key}`;
  }

  #transform<T>(type: TransformationType, prefixes: readonly string[], run: () => T): T {
    if (this.#measuring === undefined) return run();
    const { metrics, resource } = this.#measuring;
    const transformation: Transformation = { type, resource, prefixes };
    return metrics.measured(transformation, run);
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
      const { resource = "", metrics } = this.#measuring ?? {};
      metrics?.failed({ type: "from_storage", resource, prefixes: seal.prefixes }, error);
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

function openWith({ prefix, cipher }: Seal, value: Buffer, key: string): Buffer {
  if (cipher === undefined) return value;
  try {
    return cipher.decrypt(value.subarray(prefix.length), key);
  } catch (error) {
    throw new DecryptionError(key, `the key ${nameIn(prefix)} doesn't fit`, { cause: error });
  }
}

const startsWith = (value: Buffer, prefix: Buffer): boolean =>
  value.length >= prefix.length && value.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;

const sealedBytes = Buffer.from(sealedPrefix, "latin1");
const isSealed = (value: Buffer): boolean => startsWith(value, sealedBytes);

/** The provider and key in a sealed value's beginning. */
const nameIn = (prefix: Buffer): string => prefix.toString("utf8").slice(sealedPrefix.length, -1);

const sealOf = (prefixes: readonly string[], cipher: Cipher | undefined): Seal => ({
  prefix: Buffer.from(prefixes.join(""), "utf8"),
  prefixes,
  cipher,
});

async function sealsOf(
  provider: ProviderConfiguration,
  kms: Pick<KmsProviders, "get"> | undefined,
): Promise<Seal[]> {
  if (provider.kms !== undefined) {
    const { name } = provider.kms;
    const cipher = kms?.get(name);
    assert(cipher !== undefined, `KMS provider ${name} wasn't made`);
    return [sealOf([`${sealedPrefix}kms:v2:${name}:`], cipher)];
  }
  if (provider.identity !== undefined) return [sealOf([""], undefined)];
  const seals = (["aesgcm", "aescbc", "secretbox"] satisfies CipherName[]).flatMap((name) =>
    (provider[name]?.keys ?? []).map(async (key) =>
      sealOf(
        [`${sealedPrefix}${name}:v1:`, `${key.name}:`],
        await cipherOf(name, Buffer.from(key.secret, "base64")),
      ),
    ),
  );
  return Promise.all(seals);
}

/** The first entry that names the resource decides. Undefined: it is kept plain, and always was. */
export async function transformerFinder(
  configuration: EncryptionConfiguration,
  kms?: Pick<KmsProviders, "get">,
  metrics?: TransformationMetrics,
): Promise<(group: string, resource: string) => Transformer | undefined> {
  const entries = await Promise.all(
    configuration.resources.map(async ({ resources, providers }) => ({
      patterns: resources.map(parseGroupResource),
      transformer: await Transformer.of(providers, kms),
    })),
  );
  const find = (group: string, resource: string): Transformer | undefined =>
    entries.find(({ patterns }) =>
      patterns.some(
        (pattern) =>
          (pattern.group === "*" || pattern.group === group) &&
          (pattern.resource === "*" || pattern.resource === resource),
      ),
    )?.transformer;
  if (metrics === undefined) return find;
  /** As many as there are resources. */
  const found = new Map<string, Transformer | undefined>();
  return (group, name) => {
    const resource = qualifiedResource(group, name);
    if (!found.has(resource)) found.set(resource, find(group, name)?.measured({ resource, metrics }));
    return found.get(resource);
  };
}
