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
import { errorText } from "#base/log.ts";
import { cipherOf, type Cipher, type CipherName } from "./ciphers.ts";
import type { EncryptionConfiguration, ProviderConfiguration } from "./configuration.ts";
import { parseGroupResource } from "./configuration.ts";
import type { KmsProviders } from "./kms/providers.ts";
import { isSealed, sealedPrefix, sealedText, startsWith } from "./sealed.ts";

/** A value can't be made plain. The message is upstream's, which clients see, and names no key of the store. */
export class DecryptionError extends Error {
  override readonly name = "DecryptionError";
  readonly code = "DECRYPTION";
}

interface Seal {
  /** Which of the providers it belongs to. */
  readonly provider: number;
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
    return new Transformer((await Promise.all(providers.map((each, at) => sealsOf(each, at, kms)))).flat());
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
    const isPlain = !isSealed(value);
    const reasons = new Map<number, string[]>();
    for (const { provider, prefix, prefixes, cipher } of this.#seals) {
      if (cipher === undefined) {
        if (isPlain) return this.#transform("from_storage", prefixes, () => value);
        continue;
      }
      if (!startsWith(value, prefix)) {
        const isOfProvider = value.toString("latin1", 0, prefixes[0]?.length ?? 0) === prefixes[0];
        if (isOfProvider && !reasons.has(provider)) reasons.set(provider, []);
        continue;
      }
      // Another key of the same name may fit: while keys are exchanged two may be there.
      try {
        return this.#transform("from_storage", prefixes, () =>
          cipher.decrypt(value.subarray(prefix.length), key),
        );
      } catch (error) {
        reasons.set(provider, [...(reasons.get(provider) ?? []), messageOf(error)]);
      }
    }
    throw new DecryptionError(this.#unopenable(value, reasons));
  }

  /** Of each provider whose it could be. upstream: apiserver/pkg/server/options/encryptionconfig/config.go, apimachinery/pkg/util/errors */
  #unopenable(value: Buffer, reasons: ReadonlyMap<number, readonly string[]>): string {
    const cipher = /^k8s:enc:(\w+):/.exec(value.toString("latin1", 0, 32))?.[1];
    const kind = cipher === "secretbox" ? "Secretbox" : "AES";
    const noKey = `no matching key was found for the provided ${kind} transformer`;
    const texts = [...reasons.values()].flatMap((found) => (found.length === 0 ? [noKey] : found));
    // Nobody's key was tried.
    if (texts.every((text) => text === noKey)) {
      this.#measuring?.metrics.failed({ ...this.#fromStorage, prefixes: unknownPrefixes }, noKey);
    }
    return texts.length === 0 ? "no matching prefix found" : aggregated(texts);
  }

  get #fromStorage(): Pick<Transformation, "type" | "resource"> {
    return { type: "from_storage", resource: this.#measuring?.resource ?? "" };
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
  prepare(value: Buffer): Promise<void> | undefined {
    const seal = this.#seals.find(({ prefix, cipher }) => cipher !== undefined && startsWith(value, prefix));
    if (seal?.cipher?.prepare === undefined) return undefined;
    const failed = (error: unknown): never => {
      this.#measuring?.metrics.failed({ ...this.#fromStorage, prefixes: seal.prefixes }, error);
      throw new DecryptionError(messageOf(error), { cause: error });
    };
    try {
      return seal.cipher.prepare(value.subarray(seal.prefix.length))?.catch(failed);
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

/** Of a value whose resource has no provider at all. Throws DecryptionError. */
export function openPlain(value: Buffer): Buffer {
  if (isSealed(value)) throw new DecryptionError(sealedText);
  return value;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : errorText(error));

/** Several errors as one, each once. */
function aggregated(texts: readonly string[]): string {
  const different = [...new Set(texts)];
  return different.length === 1 ? (different[0] ?? "") : `[${different.join(", ")}]`;
}

interface Provided {
  readonly provider: number;
  readonly prefixes: readonly string[];
  readonly cipher: Cipher | undefined;
}

const sealOf = ({ provider, prefixes, cipher }: Provided): Seal => ({
  provider,
  prefix: Buffer.from(prefixes.join(""), "utf8"),
  prefixes,
  cipher,
});

async function sealsOf(
  configured: ProviderConfiguration,
  provider: number,
  kms: Pick<KmsProviders, "get"> | undefined,
): Promise<Seal[]> {
  if (configured.kms !== undefined) {
    const { name } = configured.kms;
    const cipher = kms?.get(name);
    assert(cipher !== undefined, `KMS provider ${name} wasn't made`);
    return [sealOf({ provider, prefixes: [`${sealedPrefix}kms:v2:${name}:`], cipher })];
  }
  if (configured.identity !== undefined) return [sealOf({ provider, prefixes: [""], cipher: undefined })];
  const seals = (["aesgcm", "aescbc", "secretbox"] satisfies CipherName[]).flatMap((name) =>
    (configured[name]?.keys ?? []).map(async (key) =>
      sealOf({
        provider,
        prefixes: [`${sealedPrefix}${name}:v1:`, `${key.name}:`],
        cipher: await cipherOf(name, Buffer.from(key.secret, "base64")),
      }),
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
