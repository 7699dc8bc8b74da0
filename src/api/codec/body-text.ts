/** The text of a body. Bytes that are no UTF-8 are each one sign of that, as in Go; Node takes several for one. */
import { isUtf8 } from "node:buffer";

export function bodyText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      parts.push(bytes.toString("utf8", start, at), "\ufffd");
      start = at + 1;
    }
    at += Math.max(length, 1);
  }
  return parts.join("") + bytes.toString("utf8", start);
}

/** 0: there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
