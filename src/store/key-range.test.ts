import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { contains, endOfTextPrefix, keyOfText, prefixRange } from "./key-range.ts";

suite("the end of a prefix", () => {
  const cases: readonly [prefix: string, end: Buffer | undefined][] = [
    ["", undefined],
    ["/registry/", Buffer.from("/registry0")],
    ["a\x7f", Buffer.from([0x61, 0x80])],
    // é is C3 A9.
    ["é", Buffer.from([0xc3, 0xaa])],
    // U+FFFFF is F3 BF BF BF: no byte of UTF-8 is FF, so nothing carries.
    ["\u{fffff}", Buffer.from([0xf3, 0xbf, 0xbf, 0xc0])],
  ];
  for (const [prefix, end] of cases) {
    test(JSON.stringify(prefix), () => {
      assert.deepEqual(endOfTextPrefix(prefix), end);
    });
  }
});

test("bytes that can't grow are left out, and only what begins with the prefix lies within", () => {
  assert.equal(prefixRange("a\xff\xff").end, "b");
  assert.equal(prefixRange("\xff").end, undefined);
  const range = prefixRange(keyOfText("é"));
  assert.ok(contains(range, keyOfText("é")));
  assert.ok(contains(range, keyOfText("été")));
  assert.ok(!contains(range, keyOfText("ê")));
});
