/**
 * Fills in defaults, and drops nulls that stand for nothing.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/defaulting/{algorithm,prune}.go
 */
import { isMap, setValue } from "../../patch/json-value.ts";
import { fieldOf, hasDefault, itemsOf, type Structural } from "./structural.ts";

const isMisplacedNull = (value: unknown, schema: Structural | undefined): boolean =>
  value === null && schema !== undefined && schema.nullable !== true;

/** Changes `value`. A null where none may be counts as absent. */
export function fillDefaults(value: unknown, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) fillList(value, itemsOf(schema));
  else if (isMap(value)) fillMap(value, schema);
}

function fillMap(value: Record<string, unknown>, schema: Structural): void {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (!hasDefault(property)) continue;
    if (!Object.hasOwn(value, key) || isMisplacedNull(value[key], property)) {
      setValue(value, key, structuredClone(property.default));
    }
  }
  for (const key of Object.keys(value)) {
    const inner = fieldOf(schema, key);
    if (isMisplacedNull(value[key], inner) && hasDefault(inner)) {
      setValue(value, key, structuredClone(inner?.default));
    }
    fillDefaults(value[key], inner);
  }
}

function fillList(list: unknown[], items: Structural | undefined): void {
  for (const [index, item] of list.entries()) {
    if (isMisplacedNull(item, items) && hasDefault(items)) list[index] = structuredClone(items?.default);
    fillDefaults(list[index], items);
  }
}

/** Drops nulls of fields that can't be null and have no default either. Changes `value`. */
export function dropNulls(value: unknown, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, itemsOf(schema));
    return;
  }
  if (!isMap(value)) return;
  for (const key of Object.keys(value)) {
    const inner = fieldOf(schema, key);
    if (isMisplacedNull(value[key], inner) && !hasDefault(inner)) Reflect.deleteProperty(value, key);
    else dropNulls(value[key], inner);
  }
}
