import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf, trim, trimRight } from "./trim.ts";

test("only the ends lose what is trimmed", () => {
  assert.equal(trimRight("a//b//", "/"), "a//b");
  assert.equal(trimRight("///", "/"), "");
  assert.equal(trimRight("a", "/"), "a");
  assert.equal(trim(" \ta b\t ", " \t"), "a b");
  assert.equal(trim("  ", " "), "");
});

test("the end of a text is what fits, one character after the other", () => {
  assert.equal(endOf("::ffff:1.2", /[\d.]/), "1.2");
  assert.equal(endOf("a", /\d/), "");
  assert.equal(endOf("12", /\d/), "12");
});
