/**
 * The order of a merged list: the patch's items in the patch's order, the others where they were among them.
 * upstream: apimachinery/pkg/util/strategicpatch/patch.go (normalizeElementOrder)
 */
import { isMap, jsonEqual, valueAt } from "./json-value.ts";

/** What tells one item of a list from another: its merge key's value, or itself. */
function identity(item: unknown, mergeKey: string): unknown {
  return mergeKey !== "" && isMap(item) ? valueAt(item, mergeKey) : item;
}

function indexIn(order: readonly unknown[], item: unknown, mergeKey: string): number {
  const id = identity(item, mergeKey);
  return order.findIndex((one) => jsonEqual(identity(one, mergeKey), id));
}

function sortedBy(
  items: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  return items
    .map((item) => ({ item, at: indexIn(order, item, mergeKey) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

const standsBefore = (index: number, other: number): boolean => index >= 0 && index < other;

/** `merged` in the order that `patchOrder` gives its items and `liveOrder` all others. */
export function orderedMerge(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  liveOrder: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  const isPatched = (item: unknown): boolean => indexIn(patchOrder, item, mergeKey) >= 0;
  const patched = sortedBy(merged.filter(isPatched), patchOrder, mergeKey);
  const others = sortedBy(
    merged.filter((item) => !isPatched(item)),
    liveOrder,
    mergeKey,
  );
  const result: unknown[] = [];
  let next = 0;
  for (const item of patched) {
    const at = indexIn(liveOrder, item, mergeKey);
    // Everything that stood before this item in the live list still does.
    while (next < others.length && standsBefore(indexIn(liveOrder, others[next], mergeKey), at)) {
      result.push(others[next]);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

/** Whether the items of a patch come in the order that $setElementOrder lists, none missing there. */
export function ordersAgree(items: readonly unknown[], order: readonly unknown[], mergeKey: string): boolean {
  if (items.length === 0 || order.length === 0) return true;
  let at = 0;
  for (const wanted of order) {
    if (at < items.length && jsonEqual(identity(items[at], mergeKey), identity(wanted, mergeKey))) at += 1;
  }
  return at === items.length;
}
