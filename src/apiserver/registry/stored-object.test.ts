import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeForStore } from "./stored-object.ts";

test("kept bytes hold no memory but their own, and say everything but what the store knows", () => {
  const metadata = { name: "grün", resourceVersion: "7", selfLink: "/x" };
  const bytes = encodeForStore({ spec: { a: 1 }, metadata, apiVersion: "v1", kind: "Pod" });
  assert.equal(
    bytes.toString(),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"grün"},"spec":{"a":1}}',
  );
  assert.equal(bytes.buffer.byteLength, bytes.length);
});
