/** "1,3-5,7": indexes of a job, in ascending order. upstream: pkg/apis/batch/validation/validation.go (validateIndexesFormat) */
import { goQuote } from "../meta/go-quote.ts";

interface Fault {
  readonly fault: string;
}

type Interval = readonly [first: number, last: number];

const isFault = (value: object): value is Fault => "fault" in value;

function indexOf(text: string, completions: number): number | Fault {
  // An int of 64 bits.
  if (!/^[+-]?\d+$/.test(text) || Math.abs(Number(text)) >= 2 ** 63) {
    return { fault: `cannot convert string to integer for index: ${goQuote(text)}` };
  }
  const index = Number(text);
  return index >= completions ? { fault: `too large index: ${goQuote(text)}` } : index;
}

function intervalOf(text: string, completions: number): Interval | Fault {
  const [left = "", right, ...more] = text.split("-");
  if (more.length > 0) {
    return {
      fault: `the fragment ${goQuote(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    };
  }
  const first = indexOf(left, completions);
  if (typeof first !== "number") return first;
  if (right === undefined) return [first, first];
  const last = indexOf(right, completions);
  if (typeof last !== "number") return last;
  if (first >= last) return { fault: `non-increasing order, previous: ${first}, current: ${last}` };
  return [first, last];
}

const readable = (text: string, completions: number): Interval[] =>
  text.split(",").flatMap((part) => {
    const interval = intervalOf(part, completions);
    return isFault(interval) ? [] : [interval];
  });

/**
 * The first index that is in both, as both ascend; what can't be read is skipped.
 * upstream: validateFailedIndexesNotOverlapCompleted
 */
export function overlapOf(left: string, right: string, completions: number): number | undefined {
  if (left === "" || right === "") return undefined;
  const [some, others] = [readable(left, completions), readable(right, completions)];
  let at = 0;
  let otherAt = 0;
  for (;;) {
    const [interval, other] = [some[at], others[otherAt]];
    if (interval === undefined || other === undefined) return undefined;
    const [[first, last], [low, high]] = [interval, other];
    if (first <= high && low <= last) return Math.max(first, low);
    if (first <= low) at += 1;
    else otherAt += 1;
  }
}

/** How many indexes these are, or what is wrong with the text. */
export function checkIndexes(text: string, completions: number): number | Fault {
  if (text === "") return 0;
  let total = 0;
  let previous: number | undefined;
  for (const part of text.split(",")) {
    const interval = intervalOf(part, completions);
    if (isFault(interval)) return interval;
    const [first, last] = interval;
    if (previous !== undefined && previous >= first) {
      return { fault: `non-increasing order, previous: ${previous}, current: ${first}` };
    }
    total += last - first + 1;
    previous = last;
  }
  return total;
}
