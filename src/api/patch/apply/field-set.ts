/** The fields that a value has. upstream: structured-merge-diff/v6/typed/tofieldset.go */
import { ownValue } from "#base/own-value.ts";
import { isList, isMap, type JsonMap } from "../json-value.ts";
import { inOrder, leaf, nodeOf, type FieldTree, type MutableTree } from "./field-tree.ts";
import { formOf, itemsByKey } from "./list-items.ts";
import { fieldKey } from "./path-element.ts";
import type { ApplyType, Field, ListType, MapType } from "./schema.ts";

/** As who applies it claims it: leaves, items, keys of maps, and what is empty. */
export function fieldSetOf(value: unknown, type: ApplyType): FieldTree {
  return childrenOf(value, type) ?? leaf;
}

/** What is below a value; undefined when the value itself is the leaf. */
function childrenOf(value: unknown, type: ApplyType): MutableTree | undefined {
  const form = formOf(type, value);
  if (form === "map" && type.map?.isAtomic === false) return isMap(value) ? mapFields(value, type.map) : {};
  if (form === "list" && type.list?.isAtomic === false) {
    return isList(value) ? listFields(value, type.list) : {};
  }
  return undefined;
}

function mapFields(value: JsonMap, type: MapType): MutableTree {
  const result: MutableTree = {};
  for (const name of Object.keys(value)) {
    const inner = ownValue(value, name);
    const field = type.field(name);
    const below = field?.type ?? type.element;
    if (below === undefined || inner === undefined) continue;
    const children = childrenOf(inner, below);
    const isEmptyValue = inner === null || (isMap(inner) && Object.keys(inner).length === 0);
    const node = nodeOf(children === undefined || isEmptyValue || field === undefined, children ?? {});
    if (node !== undefined) result[field?.key ?? fieldKey(name)] = node;
  }
  return inOrder(result);
}

function listFields(items: readonly unknown[], type: ListType): MutableTree {
  const result: MutableTree = {};
  for (const { key, items: same } of itemsByKey(type, items)) {
    // Items that can't be told apart are owned together.
    const children = same.length > 1 ? {} : (childrenOf(same[0], type.element) ?? {});
    result[key] = nodeOf(true, children) ?? leaf;
  }
  return result;
}

/**
 * Every node of a value that is there as a whole and wasn't before (or isn't any longer), itself included. What Go's
 * structs always hold counts as there.
 */
export function wholeOf(value: unknown, type: ApplyType): FieldTree {
  const form = formOf(type, value);
  if (form === "map" && type.map?.isAtomic === false && isMap(value)) return wholeMap(value, type.map);
  if (form === "list" && type.list?.isAtomic === false && isList(value) && value.length > 0) {
    return wholeList(value, type.list);
  }
  return leaf;
}

function wholeMap(value: JsonMap, type: MapType): FieldTree {
  const { fields, element } = type;
  const node: MutableTree = { ".": leaf };
  let seen = 0;
  let held = 0;
  let mask = fields.length > maskFieldsMax || element !== undefined ? undefined : 0;
  for (let at = 0; at < fields.length; at++) {
    const field = fields[at] as Field;
    const own = ownValue(value, field.name);
    if (own !== undefined) seen++;
    const inner = own === undefined ? field.fill : own;
    if (inner === undefined) continue;
    const below = wholeOf(inner, field.type);
    node[field.key] = below;
    held++;
    if (mask !== undefined) mask = below === leaf ? mask | (1 << at) : undefined;
  }
  if (element !== undefined) return wholeEntries(value, type, node, seen);
  if (held === 0) return leaf;
  return mask === undefined ? node : sharedNode(type, mask, node);
}

/** Structs of leaves, such as environment variables, come again and again: one node serves them all. */
const maskFieldsMax = 31;

function sharedNode({ shared }: MapType, mask: number, node: FieldTree): FieldTree {
  const known = shared.get(mask);
  if (known !== undefined) return known;
  if (shared.size < sharedNodesMax) shared.set(mask, Object.freeze(node));
  return node;
}

const sharedNodesMax = 64;

function wholeEntries(value: JsonMap, type: MapType, node: MutableTree, seen: number): FieldTree {
  const names = Object.keys(value);
  if (names.length > seen && type.element !== undefined) {
    for (const name of names.toSorted()) {
      if (type.field(name) === undefined) node[fieldKey(name)] = wholeOf(value[name], type.element);
    }
  }
  if (Object.keys(node).length === 1) return leaf;
  return type.fields.length === 0 ? node : inOrder(node);
}

function wholeList(items: readonly unknown[], type: ListType): FieldTree {
  const node: MutableTree = { ".": leaf };
  for (const { key, items: same } of itemsByKey(type, items)) {
    node[key] = same.length > 1 ? leaf : wholeOf(same[0], type.element);
  }
  return Object.keys(node).length === 1 ? leaf : node;
}
