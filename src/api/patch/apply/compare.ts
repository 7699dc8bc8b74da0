/** What differs between two states of an object. upstream: structured-merge-diff/v6/typed/compare.go */
import { ownValue } from "#base/own-value.ts";
import { isList, isMap, sameValue, type JsonMap } from "../json-value.ts";
import { inOrder, leaf, nodeOf, type FieldTree, type MutableTree } from "./field-tree.ts";
import { wholeOf } from "./field-set.ts";
import { formOf, itemsByKey, type Form } from "./list-items.ts";
import { fieldKey } from "./path-element.ts";
import type { ApplyType, ListType, MapType } from "./schema.ts";

export interface Comparison {
  readonly added: FieldTree;
  readonly modified: FieldTree;
  readonly removed: FieldTree;
}

const kinds = ["added", "modified", "removed"] as const;
type Kind = (typeof kinds)[number];

/** Below one node. Trees are made when there is something to put into them. */
type Found = { [kind in Kind]?: MutableTree };

const nothing: Found = {};

/** Fields of a node that aren't looked at. */
export type Skipped = ReadonlySet<string>;

const noneSkipped: Skipped = new Set();

/** `skipped` are fields of the two values themselves. */
export function compareStates(
  before: unknown,
  after: unknown,
  type: ApplyType,
  skipped: Skipped = noneSkipped,
): Comparison {
  const { below } =
    isMap(before) && isMap(after) && type.map !== undefined
      ? { below: compareMaps(before, after, type.map, skipped) }
      : compareBoth(before, after, type);
  return { added: below.added ?? leaf, modified: below.modified ?? leaf, removed: below.removed ?? leaf };
}

/** What happened to the node itself, and below it. */
interface Result {
  readonly own?: Kind;
  readonly below: Found;
}

function compareBoth(before: unknown, after: unknown, type: ApplyType): Result {
  // Most of an object stays as it is, and is gone through faster as JSON than by its type.
  if (sameValue(before, after)) return { below: nothing };
  const [left, right] = [formOf(type, before), formOf(type, after)];
  if (left === right || before === null) return compareAs(right, before, after, type);
  if (after === null) return compareAs(left, before, after, type);
  // A value that took another form: what was below it goes, what is below it now comes.
  const [lost, gained] = [compareAs(left, before, after, type), compareAs(right, before, after, type)];
  return { own: "modified", below: { ...lost.below, ...gained.below } };
}

function compareAs(form: Form, before: unknown, after: unknown, type: ApplyType): Result {
  if (form === "map" && type.map !== undefined) return compareAsMaps(before, after, type.map);
  if (form === "list" && type.list !== undefined) return compareAsLists(before, after, type.list);
  return compareLeaves(before, after);
}

/** What is empty is a leaf, so that it can be told from null. */
function compareAsMaps(before: unknown, after: unknown, type: MapType): Result {
  const [left, right] = [isMap(before) ? before : {}, isMap(after) ? after : {}];
  if (type.isAtomic || (isEmptyMap(left) && isEmptyMap(right))) return compareLeaves(before, after);
  return { below: compareMaps(left, right, type, noneSkipped) };
}

function compareAsLists(before: unknown, after: unknown, type: ListType): Result {
  const [left, right] = [isList(before) ? before : [], isList(after) ? after : []];
  const areEmpty = left.length === 0 && right.length === 0;
  if (areEmpty && type.isSlice) return { below: nothing };
  if (type.isAtomic || areEmpty) return compareLeaves(before, after);
  return { below: compareLists(left, right, type) };
}

const isEmptyMap = (map: JsonMap): boolean => Object.keys(map).length === 0;

function compareLeaves(before: unknown, after: unknown): Result {
  return sameValue(before, after) ? { below: nothing } : { own: "modified", below: nothing };
}

/** Puts what was found about a child under its key. */
function note(found: Found, key: string, { own, below }: Result): Found {
  if (own === undefined && below === nothing) return found;
  const result = found === nothing ? {} : found;
  for (const kind of kinds) {
    const node = nodeOf(own === kind, below[kind] ?? {});
    if (node !== undefined) (result[kind] ??= {})[key] = node;
  }
  return result;
}

/** One of both may be undefined: not there. */
function compareChild(
  found: Found,
  key: string,
  [before, after]: readonly [unknown, unknown],
  type: ApplyType,
): Found {
  if (before === after) return found;
  if (before === undefined) return put(found, "added", key, wholeOf(after, type));
  if (after === undefined) return put(found, "removed", key, wholeOf(before, type));
  return note(found, key, compareBoth(before, after, type));
}

function put(found: Found, kind: Kind, key: string, node: FieldTree): Found {
  const result = found === nothing ? {} : found;
  (result[kind] ??= {})[key] = node;
  return result;
}

function compareMaps(before: JsonMap, after: JsonMap, type: MapType, skipped: Skipped): Found {
  let found = nothing;
  for (const { name, key, type: inner, fill } of type.fields) {
    const [left = fill, right = fill] = [ownValue(before, name), ownValue(after, name)];
    if (left === right || skipped.has(name)) continue;
    found = compareChild(found, key, [left, right], inner);
  }
  const { element } = type;
  if (element === undefined) return found;
  for (const name of Object.keys({ ...before, ...after }).toSorted()) {
    if (skipped.has(name) || type.field(name) !== undefined) continue;
    found = compareChild(found, fieldKey(name), [ownValue(before, name), ownValue(after, name)], element);
  }
  return type.fields.length === 0 ? found : ordered(found);
}

function compareLists(before: readonly unknown[], after: readonly unknown[], type: ListType): Found {
  const left = new Map(itemsByKey(type, before).map(({ key, items }) => [key, items]));
  let found = nothing;
  for (const { key, items } of itemsByKey(type, after)) {
    found = compareItems(found, key, [left.get(key) ?? [], items], type.element);
    left.delete(key);
  }
  for (const [key, items] of left) found = compareItems(found, key, [items, []], type.element);
  return ordered(found);
}

/** Items that can't be told apart are one leaf. */
function compareItems(
  found: Found,
  key: string,
  [before, after]: readonly [readonly unknown[], readonly unknown[]],
  type: ApplyType,
): Found {
  if (before.length <= 1 && after.length <= 1) {
    return compareChild(found, key, [before[0], after[0]], type);
  }
  if (before.length > 1 && after.length > 1) {
    return sameValue(before, after) ? found : put(found, "modified", key, leaf);
  }
  if (before.length > 1) {
    const removed = put(found, "removed", key, leaf);
    return after.length === 0 ? removed : put(removed, "added", key, wholeOf(after[0], type));
  }
  const gone = before.length === 0 ? found : put(found, "removed", key, wholeOf(before[0], type));
  return put(gone, "added", key, leaf);
}

function ordered(found: Found): Found {
  if (found === nothing) return found;
  for (const kind of kinds) {
    const tree = found[kind];
    if (tree !== undefined) found[kind] = inOrder(tree);
  }
  return found;
}
