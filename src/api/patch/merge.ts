/**
 * JSON merge patch, RFC 7396, but that nulls are also left out of the objects in lists.
 * upstream: json-patch/merge.go
 */
import { ownValue } from "#base/own-value.ts";
import { isList, isMap, setValue, type JsonMap } from "./json-value.ts";

/** A new value; neither the original nor the patch is changed, parts of both may be shared with the result. */
export function applyMerge(original: unknown, patch: unknown): unknown {
  // As upstream's library has it, a list in an object's place is taken as it is.
  if (!isMap(patch)) return isMap(original) ? patch : withoutNulls(patch);
  const base: JsonMap = isMap(original) ? original : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else setValue(result, key, applyMerge(ownValue(base, key), value));
  }
  return result;
}

/** Items that are null stay. */
function withoutNulls(value: unknown): unknown {
  if (isList(value)) return value.map(withoutNulls);
  return isMap(value) ? applyMerge(undefined, value) : value;
}
