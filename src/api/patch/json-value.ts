/** JSON as patches see it: values that are never changed in place, keys that may have any name. */
import { isNumber } from "#base/exact-json.ts";
import { ownValue } from "#base/own-value.ts";
import { goFloat } from "../schema/structural/go-number.ts";

export type JsonMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** Assigning to "__proto__" would change the prototype; a ConfigMap may well have such a key. */
export function setValue(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, { value, configurable: true, enumerable: true, writable: true });
  } else map[key] = value;
}

export function withoutKey(map: JsonMap, key: string): JsonMap {
  const copy: Record<string, unknown> = { ...map };
  Reflect.deleteProperty(copy, key);
  return copy;
}

/** A value of one's own to change. A tenth of what structuredClone takes, which looks at far more than JSON has. */
export function copyJson<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  return (Array.isArray(value) ? value.map(copyJson) : copyMap(value)) as T;
}

function copyMap(map: object): object {
  const copy = { ...map } as Record<string, unknown>;
  for (const key in copy) {
    const value = copy[key];
    if (typeof value === "object" && value !== null) setValue(copy, key, copyJson(value));
  }
  return copy;
}

type Same = (a: unknown, b: unknown) => boolean;

/** Deep equality of JSON values; the order of keys doesn't count. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  return a === b || equalParts(a, b, jsonEqual);
}

/**
 * The same, but a float64 and an integer are compared as float64s: without its point, as it is stored, the one is read as
 * the other. upstream: structured-merge-diff/v6/value/value.go (CompareUsing)
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a)) return isNumber(b) && typeof a !== typeof b && Number(a) === Number(b);
  return equalParts(a, b, sameValue);
}

function equalParts(a: unknown, b: unknown, same: Same): boolean {
  if (isList(a)) return isList(b) && equalLists(a, b, same);
  return isMap(a) && isMap(b) && equalMaps(a, b, same);
}

function equalLists(a: readonly unknown[], b: readonly unknown[], same: Same): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!same(a[at], b[at])) return false;
  return true;
}

function equalMaps(a: JsonMap, b: JsonMap, same: Same): boolean {
  let more = 0;
  for (const key in a) {
    if (!Object.hasOwn(b, key) || !same(a[key], b[key])) return false;
    more++;
  }
  for (const _ in b) more--;
  return more === 0;
}

/** As Go's %T names what was JSON. A number that is no safe integer was no int64. */
export function goTypeName(value: unknown): string {
  if (value === null) return "<nil>";
  if (isList(value)) return "[]interface {}";
  switch (typeof value) {
    case "bigint":
      return "int64";
    case "number":
      return Number.isSafeInteger(value) ? "int64" : "float64";
    case "boolean":
      return "bool";
    case "object":
      return "map[string]interface {}";
    default:
      return typeof value;
  }
}

/** As Go's %v prints it: "map[a:1 b:[x y]]". Messages of the API server hold such texts. */
export function goText(value: unknown): string {
  if (isList(value)) return `[${value.map(goText).join(" ")}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).toSorted();
    return `map[${keys.map((key) => `${key}:${goText(ownValue(value, key))}`).join(" ")}]`;
  }
  if (typeof value === "string") return value;
  if (typeof value === "number" && !Number.isSafeInteger(value)) return goFloat(value);
  return value === null || value === undefined ? "<nil>" : JSON.stringify(value);
}

/** A scalar as selectors of fields compare it; "" for what is none. */
export const scalarText = (value: unknown): string =>
  value === undefined || value === null || typeof value === "object" ? "" : goText(value);
