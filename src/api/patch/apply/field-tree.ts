/**
 * A set of fields, held just as FieldsV1 is written: a node that is empty or has "." belongs to the set, its other keys
 * lead to what is below it. So what was read with an object is a set already, and parts are shared, never changed.
 * Keys are in upstream's order. upstream: structured-merge-diff/v6/fieldpath/{set,serialize}.go
 */
import { isMap, type JsonMap } from "../json-value.ts";
import { canonicalKey, compareKeys, fieldNameOf } from "./path-element.ts";
import type { ApplyType } from "./schema.ts";

export interface FieldTree {
  readonly [key: string]: FieldTree;
}

export type MutableTree = Record<string, FieldTree>;

/** A field without any below it. As a whole set: the empty one. */
export const leaf: FieldTree = Object.freeze({});

const self = ".";

export function isEmptyTree(tree: FieldTree): boolean {
  for (const _ in tree) return false;
  return true;
}

/** Whether the node itself belongs to the set. Not asked of the root, which stands for no field. */
export const isMember = (node: FieldTree): boolean => node[self] !== undefined || isEmptyTree(node);

const childKeys = (node: FieldTree): string[] => Object.keys(node).filter((key) => key !== self);

/** A node with these children (which this takes); undefined when it would stand for nothing. */
export function nodeOf(member: boolean, children: MutableTree): FieldTree | undefined {
  if (isEmptyTree(children)) return member ? leaf : undefined;
  return member ? { [self]: leaf, ...children } : children;
}

/** The same with its keys in order. */
export function inOrder(tree: MutableTree): MutableTree {
  const keys = Object.keys(tree);
  for (let at = 1; at < keys.length; at++) {
    if (compareKeys(keys[at - 1] ?? "", keys[at] ?? "") <= 0) continue;
    return Object.fromEntries(keys.toSorted(compareKeys).map((key) => [key, tree[key] ?? leaf]));
  }
  return tree;
}

export function union(a: FieldTree, b: FieldTree): FieldTree {
  if (a === b || isEmptyTree(b)) return a;
  if (isEmptyTree(a)) return b;
  return joined(a, b);
}

/** Of nodes, where an empty one means something. */
function joinedNodes(a: FieldTree, b: FieldTree): FieldTree {
  if (a === b) return a;
  return nodeOf(isMember(a) || isMember(b), joined(a, b)) ?? leaf;
}

function joined(a: FieldTree, b: FieldTree): MutableTree {
  const result: MutableTree = {};
  for (const key of childKeys(a)) {
    const [left = leaf, right] = [a[key], b[key]];
    result[key] = right === undefined ? left : joinedNodes(left, right);
  }
  for (const key of childKeys(b)) result[key] ??= b[key] ?? leaf;
  return inOrder(result);
}

export function intersection(a: FieldTree, b: FieldTree): FieldTree {
  const result: MutableTree = {};
  for (const key of childKeys(a)) {
    const [left = leaf, right] = [a[key], b[key]];
    if (right === undefined) continue;
    const both = nodeOf(isMember(left) && isMember(right), { ...intersection(left, right) });
    if (both !== undefined) result[key] = both;
  }
  return result;
}

/** What is in `a` but not in `b`. A field of `b` takes nothing from what is below it in `a`. */
export function difference(a: FieldTree, b: FieldTree): FieldTree {
  return isEmptyTree(b) ? a : without(a, b);
}

function without(a: FieldTree, b: FieldTree): MutableTree {
  const result: MutableTree = {};
  for (const key of childKeys(a)) {
    const [left = leaf, right] = [a[key], b[key]];
    const rest =
      right === undefined ? left : nodeOf(isMember(left) && !isMember(right), without(left, right));
    if (rest !== undefined) result[key] = rest;
  }
  return result;
}

/** The same, and what is below a field of `b` goes with it. */
export function recursiveDifference(a: FieldTree, b: FieldTree): FieldTree {
  if (isEmptyTree(b)) return a;
  const result: MutableTree = {};
  for (const key of childKeys(a)) {
    const [left = leaf, right] = [a[key], b[key]];
    if (right !== undefined && isMember(right)) continue;
    const rest = right === undefined ? left : nodeOf(isMember(left), { ...recursiveDifference(left, right) });
    if (rest !== undefined) result[key] = rest;
  }
  return result;
}

/** Which fields a filter lets pass: those at or below its ends, and the nodes on the way. "*" is any step. */
export interface FieldPattern {
  readonly [key: string]: FieldPattern | true;
}

export function filtered(tree: FieldTree, pattern: FieldPattern): FieldTree {
  const result: MutableTree = {};
  for (const key of childKeys(tree)) {
    const node = tree[key] ?? leaf;
    const inner = pattern["*"] ?? pattern[key];
    if (inner === undefined) continue;
    const rest = inner === true ? node : nodeOf(isMember(node), { ...filtered(node, inner) });
    if (rest !== undefined) result[key] = rest;
  }
  return result;
}

/** Adds the named fields of structs that have fields in the set below them: removal looks at members only. */
export function withNamedFields(tree: FieldTree, type: ApplyType | undefined): FieldTree {
  const result: MutableTree = {};
  for (const key of childKeys(tree)) {
    const node = tree[key] ?? leaf;
    const name = fieldNameOf(key);
    const field = name === undefined ? undefined : type?.map?.field(name);
    const inner = field?.type ?? (name === undefined ? type?.list?.element : type?.map?.element);
    const isNamed = field !== undefined;
    const below = withNamedFields(node, inner);
    result[key] = nodeOf(isMember(node) || isNamed, { ...below }) ?? leaf;
  }
  return result;
}

/** Calls back with the path of each field: those of a level before those below them. */
export function eachPath(
  tree: FieldTree,
  visit: (path: readonly string[]) => void,
  prefix: readonly string[] = [],
): void {
  const keys = childKeys(tree);
  for (const key of keys) if (isMember(tree[key] ?? leaf)) visit([...prefix, key]);
  for (const key of keys) eachPath(tree[key] ?? leaf, visit, [...prefix, key]);
}

export function hasPath(tree: FieldTree, path: readonly string[]): boolean {
  let node: FieldTree | undefined = tree;
  for (const key of path) node = node?.[key];
  return node !== undefined && path.length > 0 && isMember(node);
}

/** The set of one field. */
export function setOfPath(path: readonly string[]): FieldTree {
  return path.reduceRight<FieldTree>((below, key) => ({ [key]: below }), leaf);
}

export const setOfPaths = (paths: readonly (readonly string[])[]): FieldTree =>
  paths.map(setOfPath).reduce(union, leaf);

export function sameTree(a: FieldTree, b: FieldTree): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => {
      const [left, right] = [a[key], b[key]];
      return left !== undefined && right !== undefined && sameTree(left, right);
    })
  );
}

const depthMax = 10_000;

/** Reads FieldsV1 of whatever origin: unknown kinds of steps are dropped, the rest is put in order. Throws SyntaxError. */
export function readFields(fields: unknown): FieldTree {
  if (fields === undefined || fields === null) return leaf;
  if (!isMap(fields)) throw new SyntaxError("fieldsV1 must be an object");
  return readNode(fields, 0).children;
}

function readNode(fields: JsonMap, depth: number): { member: boolean; children: MutableTree } {
  if (depth > depthMax) throw new SyntaxError(`fieldsV1 is nested deeper than ${depthMax}`);
  let member = false;
  const children: MutableTree = {};
  for (const [key, value] of Object.entries(fields)) {
    if (key === self) {
      member = true;
      continue;
    }
    const canonical = canonicalKey(key);
    if (canonical === undefined) continue;
    const inner = readNode(isMap(value) ? value : {}, depth + 1);
    const node = nodeOf(inner.member, inner.children) ?? leaf;
    const before = children[canonical];
    children[canonical] = before === undefined ? node : joinedNodes(before, node);
  }
  return { member: member || isEmptyTree(children), children: inOrder(children) };
}
