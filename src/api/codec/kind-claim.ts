/** What JSON says that it is. upstream: apimachinery/pkg/runtime/serializer/json SimpleMetaFactory.Interpret */
import { isNumber } from "#base/exact-json.ts";
import { isNumberText, JsonMap, scalarOf, type JsonNode } from "./json-tree.ts";

export interface KindClaim {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
}

export const claimFault = (why: string): string => `couldn't get version/kind; json parse error: ${why}`;

/** Of more than a group and a version. */
export const versionFault = (apiVersion: string): string => `unexpected GroupVersion string: ${apiVersion}`;

const claimStruct =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** A text: why it doesn't say anything. Names fit in any case: Go's own decoder is asked, which takes them so. */
export function claimIn(node: JsonNode): KindClaim | string {
  if (node === "null") return {};
  if (!(node instanceof JsonMap)) {
    return claimFault(`json: cannot unmarshal ${goKindOf(node)} into Go value of type ${claimStruct}`);
  }
  const claim = { apiVersion: "", kind: "" };
  let fault: string | undefined;
  for (const [key, field] of node.entries) {
    const name = claimNames.find((each) => folded(each) === folded(key));
    if (name === undefined || field === "null") continue;
    if (typeof field === "string" && field.startsWith('"')) claim[name] = String(scalarOf(field));
    else fault ??= `json: cannot unmarshal ${goKindOf(field)} into Go struct field .${name} of type string`;
  }
  if (fault !== undefined) return claimFault(fault);
  return claim.apiVersion.split("/").length > 2 ? versionFault(claim.apiVersion) : claim;
}

/** The same of a value, of which only the outermost is looked at. */
export function claimInValue(value: unknown): KindClaim | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return claimIn(outermost(value));
  return claimIn(new JsonMap(Object.entries(value).map(([key, field]) => [key, outermost(field)])));
}

const outermost = (value: unknown): JsonNode =>
  typeof value !== "object" || value === null
    ? JSON.stringify(value ?? null)
    : Array.isArray(value)
      ? []
      : new JsonMap([]);

const claimNames = ["apiVersion", "kind"] as const;
const folded = (name: string): string => name.toUpperCase().toLowerCase();

const goKindOf = (node: JsonNode): string => {
  if (typeof node !== "string") return node instanceof JsonMap ? "object" : "array";
  return node.startsWith('"') ? "string" : isNumberText(node) ? "number" : "bool";
};

/** What Go says that a JSON value is. */
export const goKind = (value: unknown): string =>
  Array.isArray(value)
    ? "array"
    : typeof value === "boolean"
      ? "bool"
      : isNumber(value)
        ? "number"
        : typeof value;
