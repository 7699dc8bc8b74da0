/**
 * A set that was written when its type was granular and has become atomic since: what somebody had a part of, they have
 * as a whole. upstream: structured-merge-diff/v6/typed/reconcile_schema.go
 *
 * The other way round upstream gives who owns a map or list without anything below it all that is in there by now. That
 * can't be told from who applied it empty, who would come to own what others put in; we leave both as they are, until
 * they apply again.
 */
import { isEmptyTree, leaf, type FieldTree, type MutableTree } from "./field-tree.ts";
import { fieldNameOf } from "./path-element.ts";
import type { ApplyType } from "./schema.ts";

/** The same set where nothing is to be done, which is the rule. */
export function reconcileFields(fields: FieldTree, type: ApplyType): FieldTree {
  let changed: MutableTree | undefined;
  for (const [key, node] of Object.entries(fields)) {
    const below = key === "." || isEmptyTree(node) ? undefined : typeBelow(type, key);
    if (below === undefined) continue;
    const isAtomic = (below.map ?? below.list)?.isAtomic === true;
    const next = isAtomic ? leaf : reconcileFields(node, below);
    if (next !== node) (changed ??= { ...fields })[key] = next;
  }
  return changed ?? fields;
}

function typeBelow(type: ApplyType, key: string): ApplyType | undefined {
  const name = fieldNameOf(key);
  if (name === undefined) return type.list?.element;
  return type.map?.field(name)?.type ?? type.map?.element;
}
