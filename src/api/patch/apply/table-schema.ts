/**
 * Server-side apply's view of the built-in types. upstream: kube-openapi/pkg/schemaconv, and what Go's encoder writes for
 * fields that nobody set
 */
import type { FieldType, ScalarType, TypeTable } from "../../schema/type-table.ts";
import {
  deducedType,
  fieldOf,
  listOf,
  mapOf,
  scalarType,
  structOf,
  untypedAtomic,
  type ApplyType,
  type Field,
} from "./schema.ts";

const stringType = scalarType("string");
const numericType = scalarType("numeric");
const untypedScalar = scalarType("untyped");
const rawObject = mapOf(() => deducedType, "granular");
/** Their raw values are JSON of any kind; elsewhere they are objects. */
const schemaPackage = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";

export class TableSchema {
  readonly #table: TypeTable;
  readonly #types = new Map<string, ApplyType>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  /** By full name in the type table; anything goes where it is unknown. */
  struct(name: string): ApplyType {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const struct = this.#table.struct(name);
    if (struct === undefined) return deducedType;
    const fields = [...struct.byName.values()].map((field) => this.#field(field, name));
    const type = structOf(fields, struct.mapType ?? "granular");
    this.#types.set(name, type);
    return type;
  }

  #field(field: FieldType, struct: string): Field {
    return fieldOf(field.name, () => this.#shaped(field, struct), {
      default: field.default,
      fill: fillOf(field),
    });
  }

  #shaped(field: FieldType, struct: string): ApplyType {
    const one = (): ApplyType => this.#one(field, struct);
    switch (field.shape) {
      case "list":
        return listOf(one, field.listType === "map" ? field.listMapKeys : (field.listType ?? "atomic"), true);
      case "map":
        return mapOf(field.wrapped ? () => listOf(one, "atomic", true) : one, field.mapType ?? "granular");
      case "one": {
        const type = one();
        if (field.mapType === undefined || type.map === undefined) return type;
        const isAtomic = field.mapType === "atomic";
        if (type.map.isAtomic === isAtomic) return type;
        return structOf(type.map.fields, field.mapType);
      }
    }
  }

  #one({ struct, scalar }: FieldType, owner: string): ApplyType {
    if (struct !== undefined) return this.struct(struct);
    if (scalar === "raw" && !owner.startsWith(schemaPackage)) return rawObject;
    return (scalar === undefined ? undefined : scalarTypes.get(scalar)) ?? untypedAtomic;
  }
}

/** The others are JSON of any kind. */
const scalarTypes: ReadonlyMap<ScalarType, ApplyType> = new Map([
  ["string", stringType],
  ["bytes", stringType],
  ["duration", stringType],
  ["bool", scalarType("boolean")],
  ["int32", numericType],
  ["int64", numericType],
  ["double", numericType],
  ["quantity", untypedScalar],
  ["intOrString", untypedScalar],
  ["time", untypedScalar],
  ["microTime", untypedScalar],
]);

/** What Go's zero values are in JSON: those that omitempty leaves out, and those that are structs in Go. */
const zeros = new Map<ScalarType, unknown>([
  ["string", ""],
  ["bool", false],
  ["int32", 0],
  ["int64", 0],
  ["double", 0],
]);
const structZeros = new Map<ScalarType, unknown>([
  ["time", null],
  ["microTime", null],
  ["raw", null],
  ["quantity", "0"],
  ["intOrString", 0],
  ["duration", "0s"],
]);

/** Upstream leaves out this one time when it isn't set. */
const omittedWhenZero = "creationTimestamp";

function fillOf({ name, shape, pointer, omitEmpty, struct, scalar }: FieldType): unknown {
  if (shape !== "one" || pointer || scalar === "bytes") return omitEmpty ? undefined : null;
  if (struct !== undefined) return {};
  if (scalar === undefined || name === omittedWhenZero) return undefined;
  return structZeros.has(scalar) || omitEmpty ? structZeros.get(scalar) : zeros.get(scalar);
}
