/** Objects of every kind from the type table: each value of its field's type, most of them plausible, few of them right. */
import type { AnyObject } from "#api/meta/object.ts";
import type { FieldType, ScalarType, TypeTable } from "#api/schema/type-table.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import { goodObjects } from "./good-objects.ts";
import type { Choice } from "./choice.ts";

/** Recursive types would be mostly themselves. */
const depthMax = 9;

export class ObjectMaker {
  readonly #table: TypeTable;

  constructor(table: TypeTable) {
    this.#table = table;
  }

  object(definition: ResourceDefinition, choice: Choice): AnyObject {
    const { group, version, kind } = definition;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const good = goodObjects[`${apiVersion}/${kind}`];
    const spread = choice.pick([0.1, 0.3, 0.7]);
    const made =
      good !== undefined && choice.chance(0.6)
        ? structuredClone(good)
        : this.#struct(definition.struct, choice, spread);
    const metadata = choice.chance(0.05) ? this.#struct(metadataStruct, choice, 0.3) : {};
    return {
      ...(made as object),
      kind,
      apiVersion,
      metadata: { ...(made["metadata"] as object | undefined), ...metadata, name: choice.shortName() },
    };
  }

  #struct(name: string, choice: Choice, spread: number, depth = 0): Record<string, unknown> {
    const struct = this.#table.struct(name);
    const made: Record<string, unknown> = {};
    if (struct === undefined || depth > depthMax) return made;
    for (const field of struct.byName.values()) {
      if (field.inline || ["metadata", "status", "kind", "apiVersion"].includes(field.name)) continue;
      const wanted = field.required || choice.chance(depth > 4 ? spread / 3 : spread);
      if (wanted) made[field.name] = this.#value(field, choice, { spread, depth });
    }
    return made;
  }

  #value(field: FieldType, choice: Choice, at: { spread: number; depth: number }): unknown {
    if (field.shape === "list") {
      return Array.from({ length: choice.int(3) }, () => this.#one(field, choice, at));
    }
    if (field.shape === "map") {
      const names = Array.from({ length: choice.int(3) }, () =>
        choice.chance(0.8) ? choice.pick(["cpu", "memory", "app", "x"]) : choice.hostileText(),
      );
      return Object.fromEntries(names.map((name) => [name, this.#one(field, choice, at)]));
    }
    return this.#one(field, choice, at);
  }

  #one(field: FieldType, choice: Choice, { spread, depth }: { spread: number; depth: number }): unknown {
    if (field.struct !== undefined) return this.#struct(field.struct, choice, spread, depth + 1);
    if (field.enum !== undefined && choice.chance(0.9)) return choice.pick(field.enum);
    return plausible(field.scalar ?? "string", choice);
  }
}

const words = ["a", "b", "app", "fuzz-a", "default", "v1"] as const;
const schemas = [{ type: "string" }, true, ["a"], [{ type: "object" }]] as const;

/** Most of them such as the type means, some such as break it. */
const makers: Readonly<Record<ScalarType, (choice: Choice) => unknown>> = {
  bool: (choice) => choice.chance(0.5),
  int32: number,
  int64: number,
  double: (choice) => choice.hostileNumber(),
  bytes: (choice) =>
    choice.chance(0.9) ? choice.bytes(choice.int(9)).toString("base64") : choice.hostileText(),
  quantity: (choice) =>
    choice.pick(["1", "100m", "1Gi", "0", "-1", "1e3", "1.5", "9999999999999999999", choice.hostileText()]),
  intOrString: (choice) => choice.pick([1, 80, "25%", "http", choice.hostileText()]),
  time,
  microTime: time,
  duration: (choice) => choice.pick(["1s", "1h", "-1s", "x"]),
  raw: (choice) => choice.hostileValue(),
  schemaOrArray: (choice) => choice.pick<unknown>(schemas),
  schemaOrBool: (choice) => choice.pick<unknown>(schemas),
  schemaOrStrings: (choice) => choice.pick<unknown>(schemas),
  string: (choice) => (choice.chance(0.7) ? choice.pick(words) : choice.hostileText()),
};

const plausible = (scalar: ScalarType, choice: Choice): unknown => makers[scalar](choice);

function number(choice: Choice): number | bigint {
  if (choice.chance(0.8)) return choice.int(100);
  const hostile = choice.hostileNumber();
  return typeof hostile === "bigint" ? hostile : Math.trunc(hostile);
}

function time(choice: Choice): unknown {
  return choice.pick(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "x", null]);
}

const metadataStruct = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
