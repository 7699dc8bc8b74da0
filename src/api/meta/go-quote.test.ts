import assert from "node:assert/strict";
import { test } from "node:test";
import { goQuote } from "./go-quote.ts";

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
