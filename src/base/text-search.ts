/**
 * Where a part is found in a text or a list, in time linear in both: the engine's own search of a long part looks at as
 * many places as their lengths' product. Knuth, Morris and Pratt's.
 */

/** So short ones the engine finds faster, whatever the text. */
const shortMax = 32;

/** Searches for one part, which isn't empty. */
export class PartSearch<T> {
  readonly #part: ArrayLike<T>;
  /** For each beginning of the part, how long the longest beginning is that it also ends with, itself not counted. */
  readonly #borders: Uint32Array;

  constructor(part: ArrayLike<T>) {
    this.#part = part;
    this.#borders = new Uint32Array(part.length);
    let matched = 0;
    for (let at = 1; at < part.length; at += 1) {
      matched = this.#next(matched, part[at]);
      this.#borders[at] = matched;
    }
  }

  /** The first place at or after `from`; -1: nowhere. */
  in(whole: ArrayLike<T>, from = 0): number {
    let matched = 0;
    for (let at = from; at < whole.length; at += 1) {
      matched = this.#next(matched, whole[at]);
      if (matched === this.#part.length) return at + 1 - matched;
    }
    return -1;
  }

  /** How much of the part is matched with one more item; never asked when all of it is. */
  #next(matched: number, item: T | undefined): number {
    let left = matched;
    while (left > 0 && this.#part[left] !== item) left = this.#borders[left - 1] ?? 0;
    return this.#part[left] === item ? left + 1 : 0;
  }
}

export const includesText = (text: string, part: string): boolean =>
  part.length <= shortMax ? text.includes(part) : new PartSearch(part).in(text) >= 0;

export function splitText(text: string, separator: string): string[] {
  if (separator.length <= shortMax) return text.split(separator);
  const search = new PartSearch(separator);
  const parts: string[] = [];
  let from = 0;
  for (let at = search.in(text); at >= 0; at = search.in(text, from)) {
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  return [...parts, text.slice(from)];
}
