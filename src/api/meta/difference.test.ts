import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceText } from "./difference.ts";

test("objects alike don't differ", () => {
  assert.equal(differenceText({ a: 1, b: [2] }, { a: 1, b: [2], c: undefined }), "");
});

test("a changed field is shown as a unified diff", () => {
  assert.equal(
    differenceText({ a: 1, b: "x" }, { a: 1, b: "y" }),
    '--- expected\n+++ got\n@@ -1,4 +1,4 @@\n {\n   "a": 1,\n-  "b": "x"\n+  "b": "y"\n }\n',
  );
});

test("ten lines around a change are shown, and each place for itself", () => {
  const many = Array.from({ length: 60 }, (_, index) => index);
  const text = differenceText(many, [100, ...many.slice(1, 59), 101]);
  assert.match(text, /^--- expected\n\+\+\+ got\n@@ -1,12 \+1,12 @@\n \[\n-  0,\n\+  100,\n/);
  assert.match(text, /\n@@ -51,12 \+51,12 @@\n/);
  assert.doesNotMatch(text, / {2}30,/);
});

test("of what has too many lines to compare, what lies between its changes is shown as one", () => {
  const many = Array.from({ length: 2000 }, (_, index) => index);
  const text = differenceText(many, many.with(1000, -1).with(1002, -2));
  assert.match(text, /^--- expected\n\+\+\+ got\n@@ -992,23 \+992,23 @@\n/);
  assert.match(text, /\n-  1000,\n-  1001,\n-  1002,\n\+  -1,\n\+  1001,\n\+  -2,\n/);
});

test("where all has changed, all is shown", () => {
  const text = differenceText(
    Array.from({ length: 1001 }, () => 0),
    [],
  );
  assert.match(text, /^--- expected\n\+\+\+ got\n@@ -1,1003 \+1 @@\n/);
  assert.ok(text.endsWith("\n-]\n+[]\n"), text.slice(-20));
});
