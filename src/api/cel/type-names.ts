/** Types that have names, and those of literals. */
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  listType,
  mapType,
  nullType,
  objectType,
  optionalType,
  stringType,
  timestampType,
  uintType,
} from "./types.ts";
import { Uint, type Value } from "./values.ts";

/** What an expression may call a type by: a name is the type itself. */
export const typeNames: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ["bool", boolType],
  ["bytes", bytesType],
  ["double", doubleType],
  ["int", intType],
  ["uint", uintType],
  ["string", stringType],
  ["null_type", nullType],
  ["list", listType(dynType)],
  ["map", mapType(dynType, dynType)],
  ["type", { kind: "type", of: undefined }],
  ["optional_type", optionalType(dynType)],
  ["google.protobuf.Timestamp", timestampType],
  ["google.protobuf.Duration", durationType],
  ["net.IP", { kind: "opaque", name: "net.IP", params: [] }],
  ["net.CIDR", { kind: "opaque", name: "net.CIDR", params: [] }],
  ...["kubernetes.Quantity", "kubernetes.URL", "kubernetes.Semver", "kubernetes.NamedFormat"].map(
    (name): [string, CelType] => [name, objectType(name)],
  ),
]);

export const isTypeName = (name: string): boolean => typeNames.has(name);

/** Of what is written out. */
export function literalType(value: Value): CelType {
  switch (typeof value) {
    case "boolean":
      return boolType;
    case "bigint":
      return intType;
    case "number":
      return doubleType;
    case "string":
      return stringType;
    default:
      if (value === null) return nullType;
      return value instanceof Uint ? uintType : bytesType;
  }
}
