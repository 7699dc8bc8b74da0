import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern, patternFault } from "./pattern.ts";

test("a pattern is found anywhere, in RE2's syntax", () => {
  const matches = compilePattern("^[a-z]+(?:-[a-z]+)*$");
  assert.deepEqual(["a-b", "a-", "a_b"].map(matches), [true, false, false]);
  assert.equal(compilePattern("b+")("abc"), true);
  assert.equal(patternFault("a(?=b)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?=`");
});

test("several groups may have one name, as in Go", () => {
  const matches = compilePattern(String.raw`^(?P<x>[(?P<x>\]]+)\(?P<x>\Q(?P<x>)\E(?P<x>b)$`);
  assert.deepEqual(["P]<P<x>(?P<x>)b", "(P<x>(?P<x>)b", "P(P<x>b"].map(matches), [true, true, false]);
  assert.equal(patternFault("(?P<x>a)(?P<x>b)[a"), "error parsing regexp: missing closing ]: `[a`");
  const odd = compilePattern(String.raw`^(?P<x>[]\]])(?P<x>[^]])(?P<x>[[:alpha:]])$`);
  assert.deepEqual(["]aa", "a]a", "]a]"].map(odd), [true, false, false]);
  assert.match(patternFault(`(?P<x>a)(?P<x>b)${"[".repeat(200_000)}`) ?? "", /missing closing ]/);
});
