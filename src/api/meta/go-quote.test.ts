import assert from "node:assert/strict";
import { test } from "node:test";
import { goQuote, quoteBytes } from "./go-quote.ts";

// As fmt.Printf("%q") says of them.
const cases: readonly (readonly [text: string, quoted: string])[] = [
  ["", '""'],
  ["plain text", '"plain text"'],
  ['a"b\\c', String.raw`"a\"b\\c"`],
  ["\u0007\b\f\n\r\t\v", String.raw`"\a\b\f\n\r\t\v"`],
  ["\u0000\u001B\u007F", String.raw`"\x00\x1b\x7f"`],
  ["é世🙂", '"é世🙂"'],
  ["\u00A0\u200B\uFEFF", String.raw`"\u00a0\u200b\ufeff"`],
  ["\u{E0001}", String.raw`"\U000e0001"`],
  ["\uD800", '"\uFFFD"'],
];

for (const [text, quoted] of cases) {
  test(`${JSON.stringify(text)} in quotes`, () => assert.equal(goQuote(text), quoted));
}

for (const [text, quoted] of [
  ["plain text", '"plain text"'],
  ["\u{7f}\n\u00e9", String.raw`"\u007f\x0a\xc3\xa9"`.replace(String.raw`\u007f`, "\u{7f}")],
  ['"\\', String.raw`"\"\\"`],
] as const) {
  test(`${JSON.stringify(text)} in quotes as times are`, () => assert.equal(quoteBytes(text), quoted));
}
