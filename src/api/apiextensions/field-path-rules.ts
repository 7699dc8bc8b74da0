/**
 * Paths to fields of a schema (".spec.list[0].name" is none: lists aren't entered here).
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go ValidFieldPath
 */
import { itemsOf, propertyOf, valueSchemaOf, type Structural } from "../schema/structural/structural.ts";

export interface FoundField {
  /** ["spec", "color"] */
  readonly names: readonly string[];
  readonly schema: Structural;
}

/** The field, or why there is none. `allowsKeys`: ['key'] goes into a property or a map. */
export function findField(
  path: string,
  schema: Structural | undefined,
  allowsKeys: boolean,
): FoundField | string {
  const names = path === "" ? undefined : namesOf(path, allowsKeys);
  if (names === undefined || typeof names === "string") return names ?? "unexpected end of path";
  let at: Structural | undefined = schema;
  let walked = "";
  for (const name of names) {
    const next: Structural | undefined = propertyOf(at, name) ?? valueSchemaOf(at);
    if (next === undefined) {
      return itemsOf(at) === undefined
        ? `does not refer to a valid field: ${JSON.stringify(name)} of ${JSON.stringify(walked)}`
        : `does not support array notation: ${JSON.stringify(walked)}`;
    }
    at = next;
    walked = `${walked}.${name}`;
  }
  return at === undefined ? "does not refer to a valid field" : { names, schema: at };
}

function namesOf(path: string, allowsKeys: boolean): string[] | string {
  const names: string[] = [];
  const token = /\.([^.[\]'"\s]+)|\['((?:[^'\\]|\\.)*)'\]/y;
  while (token.lastIndex < path.length) {
    const at = token.lastIndex;
    const [, name, key] = token.exec(path) ?? [];
    if (name === undefined && key === undefined) {
      return `expected [ or . but got: ${path.charAt(at)}`;
    }
    if (key !== undefined && !allowsKeys) return "array notation is not allowed";
    names.push(name ?? (key ?? "").replaceAll(/\\(.)/g, "$1"));
  }
  return names;
}
