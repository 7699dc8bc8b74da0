/** Several strict faults stand in the order of Go's decoder. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTypeTable } from "../schema/table.ts";
import { JsonDecoder } from "./json.ts";

const decoder = new JsonDecoder(createTypeTable());
const pod = "io.k8s.api.core.v1.Pod";

test("fields that are unknown, in the order of the text", () => {
  const text =
    '{"foo":1,"spec":{"zoo":1,"containers":[{"name":"a"},{"ports":[{"b":1,"a":1}],"x":1}],"hello":2},"bar":{}}';
  assert.deepEqual(
    decoder.decode(text, pod).strictFaults,
    ["foo", "spec.zoo", "spec.containers[1].ports[0].b", "spec.containers[1].ports[0].a"]
      .concat("spec.containers[1].x", "spec.hello", "bar")
      .map((path) => `unknown field "${path}"`),
  );
});

test("of what was no text, in the order of the alphabet", () => {
  const value = { zoo: 1, spec: { foo: 1, containers: [{ b: 1, a: 1 }] }, bar: 1 };
  assert.deepEqual(
    decoder.fromValue(value, pod).strictFaults,
    ["bar", "spec.containers[0].a", "spec.containers[0].b", "spec.foo", "zoo"].map(
      (path) => `unknown field "${path}"`,
    ),
  );
});

test("what is unknown isn't looked into", () => {
  const text = '{"foo":{"a":1,"a":2},"foo":3,"foob":{"a":1},"metadata":{"name":"a","name":"b"}}';
  assert.deepEqual(decoder.decode(text, pod).strictFaults, [
    'unknown field "foo"',
    'unknown field "foob"',
    'duplicate field "metadata.name"',
  ]);
});

test("names are quoted as Go does", () => {
  const text = String.raw`{"a\u0007\u00a0":1}`;
  assert.deepEqual(decoder.decode(text, pod).strictFaults, [String.raw`unknown field "a\a\u00a0"`]);
});
