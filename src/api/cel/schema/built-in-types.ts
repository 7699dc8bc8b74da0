/** Kinds of the built-in API as objects with declared fields, by the type table. upstream: apiserver/pkg/cel/openapi/resolver */
import type { FieldType, ScalarType, TypeTable } from "../../schema/type-table.ts";
import type { TypeProvider } from "../checker.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  dynType,
  intType,
  listType,
  mapType,
  objectType,
  stringType,
  timestampType,
} from "../types.ts";
import { unescapeName } from "./escaping.ts";

const scalars: Partial<Record<ScalarType, CelType>> = {
  string: stringType,
  bool: boolType,
  int32: intType,
  int64: intType,
  double: doubleType,
  bytes: bytesType,
  quantity: stringType,
  time: timestampType,
  microTime: timestampType,
  duration: stringType,
};

export class BuiltInTypes implements TypeProvider {
  readonly #table: TypeTable;

  constructor(table: TypeTable) {
    this.#table = table;
  }

  hasType(name: string): boolean {
    return this.#table.struct(name) !== undefined;
  }

  fieldType(typeName: string, field: string): CelType | undefined {
    const name = unescapeName(field);
    const found = name === undefined ? undefined : this.#table.struct(typeName)?.byName.get(name);
    return found === undefined ? undefined : typeOf(found);
  }
}

function typeOf({ scalar, struct, shape, wrapped }: FieldType): CelType {
  const one = struct === undefined ? (scalars[scalar ?? "raw"] ?? dynType) : objectType(struct);
  const item = wrapped ? listType(one) : one;
  if (shape === "list") return listType(one);
  return shape === "map" ? mapType(stringType, item) : item;
}
