/** What tells the items of a list apart. upstream: structured-merge-diff/v6/typed/helpers.go */
import { ownValue } from "#base/own-value.ts";
import { goQuote } from "../../meta/go-quote.ts";
import { isList, isMap, setValue } from "../json-value.ts";
import { compareKeys, itemKey, itemKeyOf, valueKey } from "./path-element.ts";
import type { ListType } from "./schema.ts";

/** A value that doesn't fit its type; the text is upstream's. */
export class ApplyTypeError extends Error {
  override readonly name = "ApplyTypeError";
  readonly code = "APPLY_TYPE";
}

/** The step that leads to an item. Throws ApplyTypeError. */
export function keyOfItem(list: ListType, item: unknown): string {
  return list.keys.length > 0 ? keyByFields(list, item) : keyByValue(item);
}

function keyByFields(list: ListType, item: unknown): string {
  if (item === null || item === undefined) {
    throw new ApplyTypeError("associative list with keys may not have a null element");
  }
  if (!isMap(item)) throw new ApplyTypeError("associative list with keys may not have non-map elements");
  const [first = ""] = list.keys;
  if (list.keys.length === 1) {
    const value = ownValue(item, first);
    if (value !== undefined) return itemKeyOf(first, value);
  }
  const keys: Record<string, unknown> = {};
  let count = 0;
  for (const name of list.keys) {
    const value = ownValue(item, name) ?? list.element.map?.field(name)?.default;
    if (value === undefined) continue;
    setValue(keys, name, value);
    count++;
  }
  if (count === 0) {
    const names = list.keys.map((name) => goQuote(name)).join(" ");
    throw new ApplyTypeError(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    );
  }
  return itemKey(keys);
}

function keyByValue(item: unknown): string {
  if (isMap(item)) {
    throw new ApplyTypeError("associative list without keys has an element that's a map type");
  }
  if (isList(item)) throw new ApplyTypeError("not supported: associative list with lists as elements");
  if (item === null || item === undefined) {
    throw new ApplyTypeError("associative list without keys has an element that's an explicit null");
  }
  return valueKey(item);
}

/** Items that have the same key: one, unless the list holds items that can't be told apart. */
export interface KeyedItems {
  readonly key: string;
  readonly items: readonly unknown[];
}

/** Items by their keys, in the keys' order. An item that has no key is left out. */
export function itemsByKey(list: ListType, items: readonly unknown[]): readonly KeyedItems[] {
  const found = new Map<string, KeyedItems>();
  const order: { readonly by: unknown; readonly keyed: KeyedItems }[] = [];
  let areTexts = true;
  for (const item of items) {
    const key = keyOrNone(list, item);
    if (key === undefined) continue;
    const before = found.get(key);
    if (before !== undefined) {
      (before.items as unknown[]).push(item);
      continue;
    }
    const keyed = { key, items: [item] };
    const by = orderOf(list, item);
    areTexts &&= typeof by === "string";
    found.set(key, keyed);
    order.push({ by, keyed });
  }
  const compare = areTexts
    ? (a: (typeof order)[number], b: (typeof order)[number]) => compareTexts(a.by as string, b.by as string)
    : (a: (typeof order)[number], b: (typeof order)[number]) => compareKeys(a.keyed.key, b.keyed.key);
  return order.toSorted(compare).map(({ keyed }) => keyed);
}

/** What orders items by itself, when it is a text for all of them. */
function orderOf(list: ListType, item: unknown): unknown {
  const [name] = list.keys;
  if (name === undefined) return item;
  return list.keys.length === 1 && isMap(item) ? ownValue(item, name) : undefined;
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function keyOrNone(list: ListType, item: unknown): string | undefined {
  try {
    return keyOfItem(list, item);
  } catch (error) {
    if (error instanceof ApplyTypeError) return undefined;
    throw error;
  }
}

export type Form = "map" | "scalar" | "list";

/** The form in which a type takes a value: the value's own where the type allows it. */
export function formOf(type: { readonly [form in Form]?: unknown }, value: unknown): Form {
  const own: Form | undefined = isMap(value)
    ? "map"
    : isList(value)
      ? "list"
      : value === null || value === undefined
        ? undefined
        : "scalar";
  if (own !== undefined && type[own] !== undefined) return own;
  if (type.map !== undefined) return "map";
  return type.scalar === undefined ? "list" : "scalar";
}
