/**
 * Lists that are sets or maps: no item, no key twice.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go
 */
import { isWrittenBigint } from "#base/exact-json.ts";
import { ownValue } from "#base/own-value.ts";
import { duplicate, invalid, type FieldError } from "../../meta/field-error.ts";
import { isMap, type JsonMap } from "../../patch/json-value.ts";
import { fieldOf, itemsOf, type Structural } from "./structural.ts";
import { childPath, keyPath } from "./field-path.ts";

export function listTypeFaults(value: unknown, schema: Structural | undefined, path = ""): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) return listFaults(value, schema, path);
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const isProperty = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    return listTypeFaults(
      inner,
      fieldOf(schema, key),
      isProperty ? childPath(path, key) : keyPath(path, key),
    );
  });
}

function listFaults(list: readonly unknown[], schema: Structural, path: string): FieldError[] {
  const items = itemsOf(schema);
  return [
    ...ownFaults(list, schema, path),
    ...list.flatMap((item, index) => listTypeFaults(item, items, `${path}[${index}]`)),
  ];
}

function ownFaults(list: readonly unknown[], schema: Structural, path: string): FieldError[] {
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return repeated(list).map((index) => duplicate(`${path}[${index}]`, list[index]));
    case "map":
      return mapFaults(list, schema["x-kubernetes-list-map-keys"] ?? [], path);
    case undefined:
    default:
      return [];
  }
}

function mapFaults(list: readonly unknown[], names: readonly string[], path: string): FieldError[] {
  const odd = list.findIndex((item) => item !== null && !isMap(item));
  if (odd >= 0) {
    return [invalid(`${path}[${odd}]`, list[odd], "must be an object for an array of list-type map")];
  }
  const keys = list.map((item) => keyOf(item as JsonMap | null, names));
  return repeated(keys).map((index) => duplicate(`${path}[${index}]`, keys[index]));
}

function keyOf(item: JsonMap | null, names: readonly string[]): JsonMap {
  if (item === null) return {};
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(item, name)).map((name) => [name, ownValue(item, name)]),
  );
}

/** The second appearance of each value that appears more than once. */
function repeated(values: readonly unknown[]): number[] {
  const seen = new Map<string, number>();
  const found: number[] = [];
  for (const [index, value] of values.entries()) {
    const text = canonical(value);
    const times = (seen.get(text) ?? 0) + 1;
    seen.set(text, times);
    if (times === 2) found.push(index);
  }
  return found;
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isMap(inner) && !isWrittenBigint(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
