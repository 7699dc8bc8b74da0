/** An object without some of its fields. upstream: structured-merge-diff/v6/typed/remove.go */
import { isList, isMap, setValue, type JsonMap } from "../json-value.ts";
import { isEmptyTree, isMember, type FieldTree } from "./field-tree.ts";
import { formOf, keyOfItem } from "./list-items.ts";
import { fieldKey } from "./path-element.ts";
import type { ApplyType, ListType, MapType } from "./schema.ts";

/** What is left; null where nothing is. The value itself is not changed. */
export function removeItems(value: unknown, fields: FieldTree, type: ApplyType): unknown {
  const form = formOf(type, value);
  if (form === "scalar") return value;
  if (isMap(value) && type.map?.isAtomic === false) return fromMap(value, fields, type.map);
  if (isList(value) && type.list?.isAtomic === false) return fromList(value, fields, type.list);
  return null;
}

/** What the set says below a node; a node that is only a member says nothing. */
function below(fields: FieldTree, key: string): FieldTree | undefined {
  const node = fields[key];
  if (node === undefined) return undefined;
  const { ".": _self, ...rest } = node;
  return isEmptyTree(rest) ? undefined : rest;
}

const has = (fields: FieldTree, key: string): boolean => {
  const node = fields[key];
  return node !== undefined && isMember(node);
};

function fromList(items: readonly unknown[], fields: FieldTree, type: ListType): unknown {
  const left: unknown[] = [];
  for (const item of items) {
    const key = keyOfItem(type, item);
    if (has(fields, key)) continue;
    const inner = below(fields, key);
    left.push(inner === undefined ? item : removeItems(item, inner, type.element));
  }
  return left.length === 0 ? null : left;
}

function fromMap(value: JsonMap, fields: FieldTree, type: MapType): unknown {
  const left: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) {
    const key = fieldKey(name);
    if (has(fields, key)) continue;
    const inner = below(fields, key);
    const element = type.field(name)?.type ?? type.element;
    const rest = inner === undefined || element === undefined ? each : removeItems(each, inner, element);
    setValue(left, name, rest);
  }
  return Object.keys(left).length === 0 ? null : left;
}
