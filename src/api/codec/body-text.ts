/** The text of a body. Bytes that are no UTF-8 are each one sign of that, as in Go; Node takes several for one. */
import { isUtf8 } from "node:buffer";

export function bodyText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const sound = Buffer.allocUnsafe(bytes.length * replacement.length);
  let size = 0;
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length === 0) for (const byte of replacement) sound[size++] = byte;
    for (let next = 0; next < length; next++) sound[size++] = bytes[at + next] as number;
    at += Math.max(length, 1);
  }
  return sound.toString("utf8", 0, size);
}

const replacement = [0xef, 0xbf, 0xbd];

/** 0: there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const [least, most] = secondBytes.get(first) ?? [0x80, 0xbf];
  for (let next = 1; next < length; next++) {
    // Beyond the end there is none.
    const byte = bytes[at + next] ?? 0;
    if (byte < (next === 1 ? least : 0x80) || byte > (next === 1 ? most : 0xbf)) return 0;
  }
  return length;
}

/** Where fewer may follow: others would be longer than needed, surrogates, or beyond the last character. */
const secondBytes: ReadonlyMap<number, readonly [least: number, most: number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);
