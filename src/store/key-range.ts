/**
 * Keys inside the store are binary strings: one character per byte, U+0000 to U+00FF. So any bytes can be a key, and
 * JavaScript's own order of strings is the order of the bytes. An ASCII key is the same text outside and inside.
 */

/** Keys from `start` up to, not including, `end`. */
export interface KeyRange {
  readonly start: string;
  /** Absent: up to the last key. */
  readonly end: string | undefined;
}

export const everyKey: KeyRange = { start: "", end: undefined };

export function singleKey(key: string): KeyRange {
  return { start: key, end: `${key}\0` };
}

export function prefixRange(prefix: string): KeyRange {
  return { start: prefix, end: endOfPrefix(prefix) };
}

export function contains({ start, end }: KeyRange, key: string): boolean {
  return key >= start && (end === undefined || key < end);
}

/** Whether the range is exactly what begins with its start. */
export function isPrefixRange({ start, end }: KeyRange): boolean {
  return endOfPrefix(start) === end;
}

export function isSingleKey({ start, end }: KeyRange): boolean {
  return end?.length === start.length + 1 && end.endsWith("\0") && end.startsWith(start);
}

/** The first key after all that begin with `prefix`; absent when nothing can be. */
function endOfPrefix(prefix: string): string | undefined {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--;
  if (length === 0) return undefined;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

/** The same for a text, as its UTF-8 bytes. upstream: clientv3.GetPrefixRangeEnd */
export function endOfTextPrefix(prefix: string): Buffer | undefined {
  const end = endOfPrefix(keyOfText(prefix));
  return end === undefined ? undefined : Buffer.from(end, "latin1");
}

export function isWide(key: string): boolean {
  return /[^\0-\x7f]/.test(key);
}

/** The key of a text: its UTF-8 bytes. */
export function keyOfText(text: string): string {
  return isWide(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}

export function textOfKey(key: string): string {
  return isWide(key) ? Buffer.from(key, "latin1").toString("utf8") : key;
}
