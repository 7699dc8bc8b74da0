/** The first item of each key: what `find` finds, for many who ask. In one pass: a client's list is as long as a request may be. */
export function firstBy<K, T>(items: Iterable<T> | undefined, keyOf: (item: T) => K): ReadonlyMap<K, T> {
  const found = new Map<K, T>();
  for (const item of items ?? []) {
    const key = keyOf(item);
    if (!found.has(key)) found.set(key, item);
  }
  return found;
}
