/**
 * The canonical form of objects, the same whether they came as JSON or as protobuf: which zero values are there, and
 * which fields are left out. Both decoders follow these plans, so what Go can't tell apart we don't either.
 * There is what the TypeScript interfaces promise: required strings, numbers, bools, quantities, lists, maps and structs.
 * An optional struct that Go holds by value is absent when nobody set any of it, so that defaulting sees one case, not
 * two. What clients see besides: go-zeros.ts.
 */
import { isDeepStrictEqual } from "node:util";
import { assert } from "#base/assert.ts";
import type { AnyObject } from "../meta/object.ts";
import type { FieldType, StructType, TypeTable } from "../schema/type-table.ts";

export interface FieldPlan {
  readonly type: FieldType;
  /** Of a value that was read: Go would leave it out. */
  readonly isOmitted: (value: unknown) => boolean;
  /** What an absent field becomes. */
  readonly fill: () => unknown;
}

export interface StructPlan {
  readonly struct: StructType;
  /** In Go's order, those of inlined structs in their place. */
  readonly fields: readonly FieldPlan[];
}

/** Zero values that Go leaves out of JSON; the other scalars are structs in Go. */
export const zeroValues: ReadonlyMap<FieldType["scalar"], string | number | boolean> = new Map<
  FieldType["scalar"],
  string | number | boolean
>([
  ["string", ""],
  ["bool", false],
  ["int32", 0],
  ["int64", 0],
  ["double", 0],
  ["bytes", ""],
]);

const never = (): boolean => false;
const absent = (): undefined => undefined;

export const isEmpty = (value: unknown): boolean => {
  for (const _ in value as object) return false;
  return true;
};

export class Plans {
  readonly #table: TypeTable;
  readonly #plans = new Map<string, StructPlan>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  plan(name: string): StructPlan {
    const known = this.#plans.get(name);
    if (known !== undefined) return known;
    const struct = this.#table.struct(name);
    assert(struct !== undefined, `no struct ${name}`);
    const fields = flatten(struct, this.#table).map((type) => ({
      type,
      isOmitted: this.#omission(type),
      fill: this.#fill(type),
    }));
    const plan = { struct, fields };
    this.#plans.set(name, plan);
    return plan;
  }

  #isOptionalStruct({ struct, shape, pointer, required }: FieldType): boolean {
    return struct !== undefined && shape === "one" && !pointer && !required;
  }

  /** Go decides by its tag; the interfaces promise what is required. */
  #mayOmit({ omitEmpty, required }: FieldType): boolean {
    return omitEmpty && !required;
  }

  #omission(field: FieldType): (value: unknown) => boolean {
    if (this.#isOptionalStruct(field)) return this.#isUnset(field);
    const isPlain = !field.required && !field.pointer && field.shape === "one";
    if (!this.#mayOmit(field) && !isPlain) return never;
    if (field.shape === "list") return (value) => (value as unknown[]).length === 0;
    if (field.shape === "map") return isEmpty;
    if (field.pointer) return never;
    if (field.scalar === "intOrString") return (value) => value === 0 || value === "";
    // Go can't tell it from none.
    if (field.scalar === "quantity") return (value) => value === "0";
    const zero = zeroValues.get(field.scalar);
    return zero === undefined ? never : (value) => value === zero;
  }

  /** Of a struct: nobody set any of it. */
  #isUnset({ struct = "" }: FieldType): (value: unknown) => boolean {
    let zero: AnyObject | undefined;
    return (value) => {
      zero ??= this.#emptyOf(struct);
      for (const name in value as object) {
        if (!(name in zero)) return false;
      }
      return isDeepStrictEqual(value, zero) || isEmpty(value);
    };
  }

  #fill(field: FieldType): () => unknown {
    if (field.pointer) return absent;
    if (field.shape !== "one") {
      if (this.#mayOmit(field)) return absent;
      return field.shape === "list" ? () => [] : () => ({});
    }
    const { struct } = field;
    if (struct !== undefined) {
      return field.required ? () => this.#emptyOf(struct) : absent;
    }
    return this.#fillScalar(field);
  }

  #fillScalar(field: FieldType): () => unknown {
    if (field.required && field.scalar === "quantity") return () => "0";
    if (field.required && field.scalar === "intOrString") return () => 0;
    const zero = zeroValues.get(field.scalar);
    return zero === undefined || !field.required ? absent : () => zero;
  }

  #emptyOf(struct: string): AnyObject {
    const object: AnyObject = {};
    for (const { type, fill } of this.plan(struct).fields) {
      const value = fill();
      if (value !== undefined) object[type.name] = value;
    }
    return object;
  }
}

export function flatten(struct: StructType, table: TypeTable): FieldType[] {
  return struct.fields.flatMap((field) => {
    if (!field.inline) return [field];
    const inner = field.struct === undefined ? undefined : table.struct(field.struct);
    assert(inner !== undefined, `${struct.name} inlines nothing`);
    return flatten(inner, table);
  });
}
