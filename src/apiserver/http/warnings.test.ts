import assert from "node:assert/strict";
import { test } from "node:test";
import { warningHeaders } from "./warnings.ts";

const said = (headers: readonly string[]): string[] =>
  headers.map((header) => Buffer.from(header, "latin1").toString("utf8").slice('299 - "'.length, -1));

test("warnings are quoted; one with control characters, or none at all, isn't told", () => {
  assert.deepEqual(warningHeaders(['a "b" \\', "a\nb", ""]), ['299 - "a \\"b\\" \\\\"']);
});

test("4096 characters are told as they are, in whatever bytes", () => {
  const texts = ["😀".repeat(4000), "b".repeat(96)];
  assert.deepEqual(said(warningHeaders(texts)), texts);
});

test("of more, each is cut at 256 characters, until there are 4096", () => {
  const texts = Array.from(
    { length: 5000 },
    (_, index) => `${String(index).padStart(4, "0")}${"é😀".repeat(200)}`,
  );
  assert.deepEqual(
    said(warningHeaders(["short", ...texts])),
    ["short", ...texts.slice(0, 16)].map((text) => /^.{0,256}/su.exec(text)?.[0]),
  );
});
