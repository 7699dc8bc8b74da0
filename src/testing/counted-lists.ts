/** Lists that count how often one of their items is read: what compares two of them item by item reads far more than they have. */
export class CountedLists {
  static readonly length = 1000;
  reads = 0;

  of<T>(makes: (index: number) => T): T[] {
    const list = Array.from({ length: CountedLists.length }, (_, index) => makes(index));
    return new Proxy(list, {
      get: (target, key, receiver): unknown => {
        if (typeof key === "string" && /^\d/.test(key)) this.reads += 1;
        return Reflect.get(target, key, receiver);
      },
    });
  }

  /** Throws where they weren't looked at, or more than a few times each. */
  assertFewReads(): void {
    const { reads } = this;
    const { length } = CountedLists;
    if (reads < length || reads > 60 * length) throw new Error(`${reads} reads of lists of ${length}`);
  }
}
