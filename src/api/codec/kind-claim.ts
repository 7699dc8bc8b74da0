/** What JSON says that it is. upstream: apimachinery/pkg/runtime/serializer/json SimpleMetaFactory.Interpret */
import { isNumber } from "#base/exact-json.ts";

export interface KindClaim {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
}

export const claimFault = (why: string): string => `couldn't get version/kind; json parse error: ${why}`;

const claimStruct =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** A text: why it doesn't say anything. */
export function claimIn(value: unknown): KindClaim | string {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    return claimFault(`json: cannot unmarshal ${goKind(value)} into Go value of type ${claimStruct}`);
  }
  const { apiVersion, kind } = value as Readonly<Record<string, unknown>>;
  const claim = { apiVersion: apiVersion ?? "", kind: kind ?? "" };
  for (const [name, field] of Object.entries(claim)) {
    if (typeof field === "string") continue;
    return claimFault(`json: cannot unmarshal ${goKind(field)} into Go struct field .${name} of type string`);
  }
  const { apiVersion: version, kind: own } = claim as { apiVersion: string; kind: string };
  return version.split("/").length > 2
    ? `unexpected GroupVersion string: ${version}`
    : { apiVersion: version, kind: own };
}

/** What Go says that a JSON value is. */
export const goKind = (value: unknown): string =>
  Array.isArray(value)
    ? "array"
    : typeof value === "boolean"
      ? "bool"
      : isNumber(value)
        ? "number"
        : typeof value;
