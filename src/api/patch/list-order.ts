/**
 * The order of a merged list: the patch's items in the patch's order, the others where they were among them.
 * upstream: apimachinery/pkg/util/strategicpatch/patch.go (normalizeElementOrder)
 */
import { ownValue } from "#base/own-value.ts";
import { equalText } from "./equal-text.ts";
import { isMap, jsonEqual } from "./json-value.ts";

/** What tells one item of a list from another: its merge key's value, or itself. */
function identity(item: unknown, mergeKey: string): unknown {
  return mergeKey !== "" && isMap(item) ? ownValue(item, mergeKey) : item;
}

/** The same for what is equal. */
export const identityText = (item: unknown, mergeKey: string): string => equalText(identity(item, mergeKey));

/** Where each item comes first in a list; -1 for those that it doesn't have. */
class Places {
  readonly #mergeKey: string;
  readonly #places = new Map<string, number>();

  constructor(order: readonly unknown[], mergeKey: string) {
    this.#mergeKey = mergeKey;
    for (const [place, item] of order.entries()) {
      const text = identityText(item, mergeKey);
      if (!this.#places.has(text)) this.#places.set(text, place);
    }
  }

  of(item: unknown): number {
    return this.#places.get(identityText(item, this.#mergeKey)) ?? -1;
  }
}

interface Placed {
  readonly item: unknown;
  readonly patched: number;
  readonly live: number;
}

const standsBefore = (place: number, other: number): boolean => place >= 0 && place < other;

/** `merged` in the order that `patchOrder` gives its items and `liveOrder` all others. */
export function orderedMerge(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  liveOrder: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  const [patchPlaces, livePlaces] = [new Places(patchOrder, mergeKey), new Places(liveOrder, mergeKey)];
  const all = merged.map((item): Placed => ({
    item,
    patched: patchPlaces.of(item),
    live: livePlaces.of(item),
  }));
  const patched = all.filter((each) => each.patched >= 0).toSorted((a, b) => a.patched - b.patched);
  const others = all.filter((each) => each.patched < 0).toSorted((a, b) => a.live - b.live);
  const result: unknown[] = [];
  let next = 0;
  for (const { item, live } of patched) {
    // Everything that stood before this item in the live list still does.
    for (
      let other = others[next];
      other !== undefined && standsBefore(other.live, live);
      other = others[next]
    ) {
      result.push(other.item);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next).map(({ item }) => item)];
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
