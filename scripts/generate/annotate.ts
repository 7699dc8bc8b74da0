/** Joins the structs that were read with the facts kept by hand. */
import { assert } from "#base/assert.ts";
import { enums } from "#api/facts/enums.ts";
import { atomicStructs, fieldMerges } from "#api/facts/lists.ts";
import { requiredFields, schemaDefaults } from "#api/facts/schema.ts";
import type { Model, Models } from "./models.ts";
import type { Field, Struct } from "./structs.ts";

export interface AnnotatedField extends Field {
  readonly required: boolean;
  readonly listType: "atomic" | "set" | "map" | undefined;
  readonly listMapKeys: readonly string[];
  readonly mapType: "atomic" | "granular" | undefined;
  readonly enum: readonly string[] | undefined;
  /** Only what is not the zero value of a field that is always written. */
  readonly default: string | number | boolean | undefined;
}

export interface AnnotatedStruct {
  readonly name: string;
  readonly atomic: boolean;
  readonly fields: readonly AnnotatedField[];
}

/** A version before the stable one has its facts, where it has none of its own. */
function factOf<T>(facts: Readonly<Record<string, T>>, key: string): T | undefined {
  return facts[key] ?? facts[key.replace(/\.v1(alpha|beta)\d+\./, ".v1.")];
}

/** "io.k8s.api.core.v1.Pod" is "core.v1.Pod". */
const shortName = (struct: string): string => struct.split(".").slice(-3).join(".");

type Merge = Pick<AnnotatedField, "listType" | "listMapKeys" | "mapType">;

function parseMerge(fact: string, shape: Field["shape"]): Merge {
  const [type = "", keys] = fact.split(":");
  const none = { listType: undefined, listMapKeys: [], mapType: undefined };
  if (type === "none") return none;
  if (type === "granular") return { ...none, mapType: "granular" };
  if (shape !== "list") return { ...none, mapType: "atomic" };
  assert(type === "set" || type === "map" || type === "atomic", `unknown list type ${fact}`);
  return { ...none, listType: type, listMapKeys: keys?.split(",") ?? [] };
}

function mergeFact(struct: Struct, field: Field): string {
  const known = factOf(fieldMerges, `${shortName(struct.name)}.${field.name}`);
  if (known !== undefined) return known;
  const isItems = field.name === "items" && struct.name.endsWith("List");
  if (field.shape !== "list" || isItems) return "none";
  if (field.patchMergeKey !== undefined) return `map:${field.patchMergeKey}`;
  return field.patchStrategy.includes("merge") ? "set" : "atomic";
}

function modelField(
  model: Model | undefined,
  name: string,
): Model["fields"] extends ReadonlyMap<string, infer F> ? F | undefined : never {
  return (
    model?.fields.get(name) ??
    model?.fields.get(name.replaceAll("-", "_")) ??
    model?.fields.get(name.replace("$", ""))
  );
}

function annotateField(struct: Struct, field: Field, model: Model | undefined): AnnotatedField {
  const key = `${shortName(struct.name)}.${field.name}`;
  return {
    ...field,
    required:
      !field.inline &&
      (factOf(requiredFields, key) ?? modelField(model, field.name)?.required ?? !field.omitEmpty),
    ...parseMerge(mergeFact(struct, field), field.shape),
    enum: factOf(enums, key),
    default: factOf(schemaDefaults, key),
  };
}

function assertKnown(structs: ReadonlyMap<string, Struct>): void {
  const names = new Set<string>();
  for (const struct of structs.values()) {
    names.add(shortName(struct.name));
    for (const field of struct.fields) names.add(`${shortName(struct.name)}.${field.name}`);
  }
  const facts = [enums, fieldMerges, requiredFields, schemaDefaults].flatMap((table) => Object.keys(table));
  const unknown = [...facts, ...atomicStructs].filter((key) => !names.has(key));
  assert(unknown.length === 0, `facts about fields that don't exist: ${unknown.join(", ")}`);
}

export function annotate(structs: ReadonlyMap<string, Struct>, models: Models): AnnotatedStruct[] {
  assertKnown(structs);
  const atomic = new Set(atomicStructs);
  return [...structs.values()]
    .map((struct) => {
      const model = models.of(struct.name);
      return {
        name: struct.name,
        atomic: atomic.has(shortName(struct.name)),
        fields: struct.fields.map((field) => annotateField(struct, field, model)),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
