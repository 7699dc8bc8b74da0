/** What an EncryptionConfiguration says of a KMS plugin. upstream: apiserver/pkg/apis/apiserver/{v1/types_encryption.go,validation/validation_encryption.go} */
import { DurationError, goDurationMs } from "#api/meta/duration.ts";
import type { FaultList } from "#api/meta/fault-list.ts";

export interface KmsConfiguration {
  readonly apiVersion: string;
  readonly name: string;
  readonly endpoint: string;
  /** The endpoint's path. */
  readonly socket: string;
  /** NaN: what was given is no duration. */
  readonly timeoutMs: number;
  readonly cacheSize: number | undefined;
}

const timeoutDefaultMs = 3000;
const olderVersion =
  "KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead; there is no KMSv1 here";

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

export function readKms(value: Readonly<Record<string, unknown>>): KmsConfiguration {
  const { apiVersion = "v1", name, endpoint, timeout, cachesize: cacheSize } = value;
  return {
    apiVersion: textOf(apiVersion),
    name: textOf(name),
    endpoint: textOf(endpoint),
    socket: textOf(endpoint).replace(/^unix:\/\//, ""),
    timeoutMs: timeout === undefined ? timeoutDefaultMs : durationOf(timeout),
    cacheSize: typeof cacheSize === "number" ? cacheSize : undefined,
  };
}

function durationOf(value: unknown): number {
  try {
    return goDurationMs(textOf(value));
  } catch (error) {
    if (error instanceof DurationError) return Number.NaN;
    throw error;
  }
}

/** `names`: of the plugins before it. */
export function checkKms(
  { apiVersion, name, endpoint, timeoutMs, cacheSize }: KmsConfiguration,
  names: readonly string[],
  field: string,
  faults: FaultList,
): void {
  if (name === "") faults.required(`${field}.name`, "name is a mandatory field for a provider");
  if (name.includes(":")) {
    faults.invalid(`${field}.name`, name, `invalid KMS provider name ${name}, must not contain ':'`);
  }
  if (names.includes(name)) {
    faults.invalid(`${field}.name`, name, `duplicate KMS provider name ${name}, names must be unique`);
  }
  if (!(timeoutMs > 0)) {
    faults.invalid(`${field}.timeout`, timeoutMs / 1000, "timeout should be a positive value");
  }
  checkEndpoint(endpoint, `${field}.endpoint`, faults);
  if (cacheSize !== undefined && apiVersion !== "v1") {
    faults.invalid(`${field}.cachesize`, cacheSize, "cachesize is not supported in v2");
  }
  if (apiVersion === "v1") faults.invalid(`${field}.apiVersion`, apiVersion, olderVersion);
  else if (apiVersion !== "v2") {
    const why = "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported";
    faults.invalid(`${field}.apiVersion`, apiVersion, why);
  }
}

function checkEndpoint(endpoint: string, field: string, faults: FaultList): void {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(endpoint)?.[1] ?? "";
  if (endpoint === "") faults.invalid(field, "", "endpoint is a mandatory field for a kms");
  else if (scheme !== "unix") {
    faults.invalid(
      field,
      endpoint,
      `unsupported scheme "${scheme}" for KMS provider, only unix is supported`,
    );
  }
}
