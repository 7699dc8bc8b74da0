/** What two-variable comprehensions put into the maps that they build. upstream: cel-go common/types/map.go InsertMapKeyValue */
import { toText } from "./conversions.ts";
import { Fault, mapKey, MapValue, noSuchOverload, type Value } from "./values.ts";

type Entries = Map<string, readonly [Value, Value]>;

export const copyOfEntries = (map: MapValue): Entries =>
  new Map(Array.from(map.keys(), (key) => [mapKey(key) ?? "", [key, map.find(key) ?? null] as const]));

/** A key and its value, or a map. Changes `entries`; what it returns is wrong with them. */
export function insertInto(entries: Entries, [keyOrMap = null, value]: readonly Value[]): Fault | undefined {
  if (value !== undefined) return insertOne(entries, keyOrMap, value);
  if (!(keyOrMap instanceof MapValue)) return noSuchOverload;
  for (const key of keyOrMap.keys()) {
    const fault = insertOne(entries, key, keyOrMap.find(key) ?? null);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function insertOne(entries: Entries, key: Value, value: Value): Fault | undefined {
  const text = mapKey(key);
  if (text === undefined) return new Fault("unsupported key type");
  if (entries.has(text)) {
    const shown = toText(key);
    return new Fault(`insert failed: key ${typeof shown === "string" ? shown : ""} already exists`);
  }
  entries.set(text, [key, value]);
  return undefined;
}
