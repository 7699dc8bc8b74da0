/** Whether a write would change anything: most do, and are told apart by their first difference. */
import { parseExact } from "#base/exact-json.ts";
import { isDeepStrictEqual } from "node:util";

/** Compared byte by byte. */
const bytesMin = 16;

/** Of two objects in JSON of the same length: whether they say the same, if in another order. */
export function isSameContent(value: Buffer, before: Buffer): boolean {
  if (value.equals(before)) return true;
  // The same in another order has the same bytes between the first and the last difference; only then the costly
  // comparison is worth it.
  const first = commonStart(value, before);
  const end = value.length - commonEnd(value, before, first);
  if (sumOf(value, first, end) !== sumOf(before, first, end)) return false;
  return isDeepStrictEqual(parseExact(value.toString("utf8")), parseExact(before.toString("utf8")));
}

/** How many bytes both begin with. They aren't the same. */
function commonStart(a: Buffer, b: Buffer): number {
  let low = 0;
  let high = a.length;
  while (high - low > bytesMin) {
    const middle = (low + high) >>> 1;
    if (a.compare(b, low, middle, low, middle) === 0) low = middle;
    else high = middle;
  }
  while (a[low] === b[low]) low++;
  return low;
}

/** How many bytes both end with, not counting what is before `start`, where they differ. */
function commonEnd(a: Buffer, b: Buffer, start: number): number {
  let low = start;
  let high = a.length;
  while (high - low > bytesMin) {
    const middle = (low + high) >>> 1;
    if (a.compare(b, middle, high, middle, high) === 0) high = middle;
    else low = middle;
  }
  while (a[high - 1] === b[high - 1]) high--;
  return a.length - high;
}

function sumOf(bytes: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += bytes[at] as number;
  return sum;
}
