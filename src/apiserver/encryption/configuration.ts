/**
 * An EncryptionConfiguration: which resources are kept encrypted, and how. In upstream's form and words.
 * upstream: apiserver/pkg/apis/apiserver/{v1/types_encryption.go,validation/validation_encryption.go}
 */
import { parseYaml } from "#api/codec/yaml.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { checkKms, readKms, type KmsConfiguration } from "./kms/configuration.ts";
import { keyLengths, type CipherName } from "./ciphers.ts";

export interface KeyConfiguration {
  readonly name: string;
  /** Base64. */
  readonly secret: string;
}

/** Exactly one of them. */
export interface ProviderConfiguration extends Partial<
  Readonly<Record<CipherName, { readonly keys: readonly KeyConfiguration[] }>>
> {
  readonly identity?: object;
  readonly kms?: KmsConfiguration;
}

export interface ResourceConfiguration {
  /** "secrets", "deployments.apps", "*.apps", "*." (the core group), "*.*" */
  readonly resources: readonly string[];
  /** The first one writes, all of them read. */
  readonly providers: readonly ProviderConfiguration[];
}

export interface EncryptionConfiguration {
  readonly apiVersion: typeof configurationVersion;
  readonly kind: typeof configurationKind;
  readonly resources: readonly ResourceConfiguration[];
}

export const configurationVersion = "apiserver.config.k8s.io/v1";
export const configurationKind = "EncryptionConfiguration";
const cipherNames: readonly CipherName[] = ["aesgcm", "aescbc", "secretbox"];

export class EncryptionConfigurationError extends Error {
  override readonly name = "EncryptionConfigurationError";
  readonly code = "ENCRYPTION_CONFIGURATION";
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`encryption provider configuration ${path}: ${reason}`, options);
  }
}

/** `text` is YAML or JSON. Throws EncryptionConfigurationError with every fault. Secrets are never in its text. */
export function parseEncryptionConfiguration(path: string, text: string): EncryptionConfiguration {
  const value = parsed(path, text);
  if (value.apiVersion !== configurationVersion || value.kind !== configurationKind) {
    throw new EncryptionConfigurationError(
      path,
      `is ${String(value.kind)} of ${String(value.apiVersion)}, must be ${configurationKind} of ${configurationVersion}`,
    );
  }
  const configuration = shapeOf(path, value);
  const faults = new FaultList();
  checkConfiguration(configuration, faults);
  if (faults.count > 0) {
    throw new EncryptionConfigurationError(path, faults.all.map(fieldErrorText).join("; "));
  }
  return configuration;
}

interface Loose {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly resources?: unknown;
}

function parsed(path: string, text: string): Loose {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw new EncryptionConfigurationError(path, "is no YAML", { cause: error });
  }
  if (!isRecord(value)) throw new EncryptionConfigurationError(path, "is no object");
  return value;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** What isn't of the right form is absent, and found missing by the checks. */
function shapeOf(path: string, value: Loose): EncryptionConfiguration {
  const resources = listOf(value.resources).map((each): ResourceConfiguration => {
    if (!isRecord(each)) {
      throw new EncryptionConfigurationError(path, "resources holds something that is no object");
    }
    return {
      resources: listOf(each["resources"]).map(textOf),
      providers: listOf(each["providers"]).map((provider) => providerShape(path, provider)),
    };
  });
  return { apiVersion: configurationVersion, kind: configurationKind, resources };
}

function providerShape(path: string, value: unknown): ProviderConfiguration {
  if (!isRecord(value)) {
    throw new EncryptionConfigurationError(path, "providers holds something that is no object");
  }
  const known: readonly string[] = [...cipherNames, "kms", "identity"];
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    throw new EncryptionConfigurationError(
      path,
      `provider ${unknown.join(", ")} isn't known here; known are ${known.join(", ")}`,
    );
  }
  const ciphers = cipherNames.flatMap((name) => {
    const cipher = value[name];
    if (cipher === undefined) return [];
    const keys = listOf(isRecord(cipher) ? cipher["keys"] : undefined).map((key) =>
      isRecord(key) ? { name: textOf(key["name"]), secret: textOf(key["secret"]) } : { name: "", secret: "" },
    );
    return [[name, { keys }] as const];
  });
  const { kms, identity } = value;
  return {
    ...Object.fromEntries(ciphers),
    ...(kms === undefined ? {} : { kms: readKms(isRecord(kms) ? kms : {}) }),
    ...(identity === undefined ? {} : { identity: {} }),
  };
}

function checkConfiguration({ resources }: EncryptionConfiguration, faults: FaultList): void {
  const kmsNames: string[] = [];
  if (resources.length === 0) faults.required("resources", "at least one resources is required");
  for (const [at, { resources: names, providers }] of resources.entries()) {
    const field = `resources[${at}]`;
    if (names.length === 0) {
      faults.required(`${field}.resources`, `at least one ${field}.resources is required`);
    }
    checkOverlap(names, `${field}.resources`, faults);
    for (const [index, name] of names.entries()) checkName(name, `${field}.resources[${index}]`, faults);
    if (providers.length === 0) {
      faults.required(`${field}.providers`, `at least one ${field}.providers is required`);
    }
    for (const [index, provider] of providers.entries()) {
      checkProvider(provider, `${field}.providers[${index}]`, faults);
      if (provider.kms === undefined) continue;
      checkKms(provider.kms, kmsNames, `${field}.providers[${index}].kms`, faults);
      kmsNames.push(provider.kms.name);
    }
  }
}

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

export function parseGroupResource(name: string): GroupResource {
  const dot = name.indexOf(".");
  return dot < 0
    ? { group: "", resource: name }
    : { resource: name.slice(0, dot), group: name.slice(dot + 1) };
}

const isEverything = ({ group, resource }: GroupResource): boolean => group === "*" && resource === "*";

function checkOverlap(names: readonly string[], field: string, faults: FaultList): void {
  const all = names.map(parseGroupResource);
  const pairs = all.flatMap((one, at) => all.slice(at + 1).map((other) => [one, other] as const));
  if (pairs.some(([one, other]) => one.group === other.group && one.resource === other.resource)) {
    faults.invalid(field, names, "the same resource cannot be specified multiple times");
  }
  const overlaps = pairs.some(
    ([one, other]) =>
      isEverything(one) ||
      isEverything(other) ||
      (one.group === other.group &&
        one.resource !== other.resource &&
        (one.resource === "*" || other.resource === "*")),
  );
  if (overlaps) {
    faults.invalid(
      field,
      names,
      "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
    );
  }
}

const withoutApi = new Set(["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"]);

function checkName(name: string, field: string, faults: FaultList): void {
  const fault = nameFault(name);
  if (fault !== undefined) faults.invalid(field, name, fault);
}

function nameFault(name: string): string | undefined {
  const { group, resource } = parseGroupResource(name);
  if (name.toLowerCase() !== name) return "resource name should not contain capital letters";
  if (name === "*") {
    return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  }
  if (withoutApi.has(name)) return "resources which do not have REST API/s cannot be encrypted";
  if (group === "events.k8s.io") {
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  }
  if (group === "extensions") return "'extensions' group has been removed and cannot be used for encryption";
  if (group === "*" && resource !== "*") return "encrypting the same resource across groups is not supported";
  return undefined;
}

function checkProvider(provider: ProviderConfiguration, field: string, faults: FaultList): void {
  const given = Object.keys(provider);
  if (given.length === 0) {
    faults.invalid(
      field,
      {},
      "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity",
    );
  } else if (given.length > 1) {
    faults.invalid(
      field,
      given,
      "more than one provider specified in a single element, should split into different list elements",
    );
  }
  for (const name of cipherNames) {
    const keys = provider[name]?.keys;
    if (keys !== undefined) checkKeys(keys, name, { field: `${field}.${name}.keys`, faults });
  }
}

function checkKeys(
  keys: readonly KeyConfiguration[],
  cipher: CipherName,
  { field, faults }: { readonly field: string; readonly faults: FaultList },
): void {
  if (keys.length === 0) faults.required(field, "at least one keys is required");
  for (const [at, { name, secret }] of keys.entries()) {
    if (name === "") faults.required(`${field}[${at}].name`, "name is a mandatory field for a key");
    const fault = secretFault(secret, keyLengths[cipher]);
    if (secret === "") faults.required(`${field}[${at}].secret`, "secret is a mandatory field for a key");
    else if (fault !== undefined) faults.invalid(`${field}[${at}].secret`, "REDACTED", fault);
  }
}

function secretFault(secret: string, lengths: readonly number[]): string | undefined {
  const bytes = Buffer.from(secret, "base64");
  if (bytes.toString("base64") !== secret) return "secrets must be base64 encoded";
  return lengths.includes(bytes.length)
    ? undefined
    : `secret is not of the expected length, got ${bytes.length}, expected one of [${lengths.join(" ")}]`;
}
