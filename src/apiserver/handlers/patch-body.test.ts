/** What a patch's own text says that is amiss, in the order of Go's decoder. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestBody } from "#apiserver/request/call.ts";
import { readPatch } from "./patch-body.ts";

const bodyOf = (type: string, text: string): RequestBody => ({
  contentType: `application/${type}-patch+json`,
  bytes: () => Promise.resolve(Buffer.from(text)),
});

const warned = { fieldValidation: "Warn" } as const;

test("operations with fields they don't have, or twice", async () => {
  const text = '[{"op":"add","path":"/a","path":"/b","value":{"x":1,"x":2}},{"foo":1,"op":"remove","foo":2}]';
  const { strictFaults } = await readPatch(bodyOf("json", text), false, warned);
  assert.deepEqual(strictFaults, [
    'json patch duplicate field "[0].path"',
    'json patch duplicate field "[0].value.x"',
    'json patch unknown field "[1].foo"',
  ]);
});

test("operations of another type are refused, none are none", async () => {
  await assert.rejects(readPatch(bodyOf("json", '[{"op":1}]'), false, warned), {
    message:
      "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
  });
  assert.deepEqual((await readPatch(bodyOf("json", "null"), false, warned)).body, []);
});

test("null merges nothing, and is no merge patch", async () => {
  await assert.rejects(readPatch(bodyOf("merge", "null"), false, warned), { message: "Invalid JSON Patch" });
  assert.deepEqual((await readPatch(bodyOf("strategic-merge", "null"), false, warned)).body, {});
});
