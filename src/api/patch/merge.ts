/** JSON merge patch, RFC 7396. */
import { isMap, setValue, valueAt, type JsonMap } from "./json-value.ts";

/** A new value; neither the original nor the patch is changed, parts of both may be shared with the result. */
export function applyMerge(original: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const base: JsonMap = isMap(original) ? original : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else setValue(result, key, applyMerge(valueAt(base, key), value));
  }
  return result;
}
