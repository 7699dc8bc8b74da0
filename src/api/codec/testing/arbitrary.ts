/** Random objects of any struct, as clients might send them. For tests only. */
import * as fc from "fast-check";
import { toRfc3339 } from "#base/clock.ts";
import { plainInt64 } from "#base/exact-json.ts";
import type { FieldType, ScalarType, TypeTable } from "../../schema/type-table.ts";

const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
const letters = ["a", "b", "c", "X", "Y", "0", "9", "-", ".", "_", "/", " ", "é", "漢", "🙂"];
const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 12 });
const seconds = fc.integer({ min: -1_000_000_000, max: 4_000_000_000 });
const int32 = fc.integer();
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(plainInt64);
const rawValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(true, "text", 3, [1, "a", null], { a: { b: null }, c: [] }),
  fc.dictionary(fc.constantFrom("a", "kind", "x-y"), fc.oneof(text, int64), { minKeys: 1 }),
);

const scalars: Readonly<Record<Exclude<ScalarType, `schemaOr${string}`>, fc.Arbitrary<unknown>>> = {
  string: text,
  bool: fc.boolean(),
  int32,
  int64,
  double: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  quantity: fc.constantFrom("0", "1", "100m", "1.5", "64Mi", "1e3", "-2k"),
  intOrString: fc.oneof(int32, text),
  time: seconds.map((value) => toRfc3339(value * 1000)),
  microTime: fc
    .tuple(seconds, fc.integer({ min: 0, max: 999_999 }))
    .map(([value, micros]) => toRfc3339(value * 1000).replace("Z", `.${String(micros).padStart(6, "0")}Z`)),
  duration: fc.constantFrom("0s", "1m0s", "1h2m3.5s", "300ms"),
  raw: rawValue,
};

export class Arbitraries {
  readonly #table: TypeTable;

  constructor(table: TypeTable) {
    this.#table = table;
  }

  /** `depth`: structs below this many are left out. Neither kind nor apiVersion: protobuf has them in the envelope only. */
  of(struct: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
    const fields = [...(this.#table.struct(struct)?.byName.values() ?? [])].filter(
      (field) => field.id !== 0 && !this.#isTooDeep(field, depth),
    );
    const record = Object.fromEntries(fields.map((field) => [field.name, this.#field(field, depth)]));
    return fc.record(record, { requiredKeys: [] });
  }

  #isTooDeep({ struct, scalar }: FieldType, depth: number): boolean {
    return depth === 0 && (struct !== undefined || (scalar !== undefined && isSchema(scalar)));
  }

  #field(field: FieldType, depth: number): fc.Arbitrary<unknown> {
    const one = this.#one(field, depth);
    const list = fc.array(one, { maxLength: 2 });
    if (field.shape === "list") return list;
    if (field.shape === "one") return one;
    const keys = fc.constantFrom("a", "b.c/d", "Z", "é");
    return fc.dictionary(keys, field.wrapped ? list : one, { maxKeys: 3 });
  }

  #one({ struct, scalar }: FieldType, depth: number): fc.Arbitrary<unknown> {
    if (struct !== undefined) return this.of(struct, depth - 1);
    if (scalar === undefined) return rawValue;
    if (!isSchema(scalar)) return scalars[scalar];
    const schema = this.of(schemaProps, 0);
    const item: fc.Arbitrary<unknown> = scalar === "schemaOrArray" ? schema : text;
    const list = fc.array(item, { minLength: 1, maxLength: 2 });
    return fc.oneof(schema, scalar === "schemaOrBool" ? fc.boolean() : list);
  }
}

const isSchema = (scalar: ScalarType): scalar is ScalarType & `schemaOr${string}` =>
  scalar.startsWith("schemaOr");
