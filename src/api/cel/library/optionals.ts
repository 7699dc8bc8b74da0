/** Optional values, and the maps that two-variable comprehensions build. upstream: cel-go cel/library.go, ext/comprehensions.go */
import type { Implementation, Library } from "../functions.ts";
import { copyOfEntries, insertInto } from "../map-insert.ts";
import {
  ArrayList,
  Duration,
  EntryMap,
  Fault,
  isFault,
  ListValue,
  MapValue,
  noneOptional,
  noSuchOverload,
  Optional,
  Timestamp,
  Uint,
  type Value,
} from "../values.ts";
import { index } from "./standard.ts";

const method =
  (run: (value: Optional, args: readonly Value[]) => Value): Implementation =>
  ([value = null, ...args]) =>
    value instanceof Optional ? run(value, args) : noSuchOverload;

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === "") return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof ListValue || value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.nanos === 0n;
  return value instanceof Timestamp && value.nanos === -62_135_596_800_000_000_000n;
}

/** `a[?b]` and `a.?b`: of an optional, too. */
export function optionalIndex(container: Value, key: Value): Value {
  if (isFault(container)) return container;
  if (isFault(key)) return key;
  if (container instanceof Optional) {
    return container.value === undefined ? noneOptional : optionalIndex(container.value, key);
  }
  if (container instanceof MapValue) {
    const found = container.find(key);
    if (found === undefined) return noneOptional;
    return isFault(found) ? found : new Optional(found);
  }
  if (!(container instanceof ListValue)) return noSuchOverload;
  const found = index(container, key);
  if (!isFault(found)) return new Optional(found);
  return found.message.startsWith("index out of bounds") ? noneOptional : found;
}

/** Comprehensions don't call it: fold.ts grows their maps in place. */
function mapInsert([map = null, ...inserted]: readonly Value[]): Value {
  if (!(map instanceof MapValue)) return noSuchOverload;
  const entries = copyOfEntries(map);
  return insertInto(entries, inserted) ?? new EntryMap(entries);
}

const unwrap: Implementation = ([list = null]) => {
  if (!(list instanceof ListValue)) return noSuchOverload;
  const found: Value[] = [];
  for (const item of list.values()) {
    if (!(item instanceof Optional)) return noSuchOverload;
    if (item.value !== undefined) found.push(item.value);
  }
  return new ArrayList(found);
};

const end =
  (at: (size: number) => number): Implementation =>
  ([list = null]) => {
    if (!(list instanceof ListValue)) return noSuchOverload;
    return list.size === 0 ? noneOptional : new Optional(list.at(at(list.size)));
  };

export const optionalsLibrary: Library = [
  {
    name: "optional.of",
    overloads: ["optional_of: (V) -> optional<V>"],
    run: ([value = null]) => new Optional(value),
  },
  {
    name: "optional.ofNonZeroValue",
    overloads: ["optional_ofNonZeroValue: (V) -> optional<V>"],
    run: ([value = null]) => (isZero(value) ? noneOptional : new Optional(value)),
  },
  { name: "optional.none", overloads: ["optional_none: () -> optional<V>"], run: () => noneOptional },
  {
    name: "value",
    overloads: ["optional_value: optional<V>.() -> V"],
    run: method(({ value }) => (value === undefined ? new Fault("optional.none() dereference") : value)),
  },
  {
    name: "hasValue",
    overloads: ["optional_hasValue: optional<V>.() -> bool"],
    run: method(({ value }) => value !== undefined),
  },
  {
    name: "or",
    overloads: ["optional_or_optional: optional<V>.(optional<V>) -> optional<V>"],
    run: method((optional, [other = null]) => (optional.value === undefined ? other : optional)),
  },
  {
    name: "orValue",
    overloads: ["optional_orValue_value: optional<V>.(V) -> V"],
    run: method(({ value }, [other = null]) => (value === undefined ? other : value)),
  },
  {
    name: "_[?_]",
    overloads: [
      "list_optindex_optional_int: (list<V>, int) -> optional<V>",
      "optional_list_optindex_optional_int: (optional<list<V>>, int) -> optional<V>",
      "map_optindex_optional_value: (map<K,V>, K) -> optional<V>",
      "optional_map_optindex_optional_value: (optional<map<K,V>>, K) -> optional<V>",
    ],
    run: ([container = null, key = null]) => optionalIndex(container, key),
  },
  {
    name: "_[_]",
    overloads: [
      "optional_list_index_int: (optional<list<V>>, int) -> optional<V>",
      "optional_map_index_value: (optional<map<K,V>>, K) -> optional<V>",
    ],
    run: ([container = null, key = null]) => optionalIndex(container, key),
  },
  { name: "first", overloads: ["list_first: list<V>.() -> optional<V>"], run: end(() => 0) },
  { name: "last", overloads: ["list_last: list<V>.() -> optional<V>"], run: end((size) => size - 1) },
  { name: "optional.unwrap", overloads: ["optional_unwrap: (list<optional<V>>) -> list<V>"], run: unwrap },
  { name: "unwrapOpt", overloads: ["optional_unwrapOpt: list<optional<V>>.() -> list<V>"], run: unwrap },
  {
    name: "cel.@mapInsert",
    overloads: [
      "@mapInsert_map_key_value: (map<K,V>, K, V) -> map<K,V>",
      "@mapInsert_map_map: (map<K,V>, map<K,V>) -> map<K,V>",
    ],
    run: mapInsert,
  },
];
