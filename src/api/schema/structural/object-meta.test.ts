import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fieldErrorText } from "../../meta/field-error.ts";
import { coerceMeta, metaFaults } from "./object-meta.ts";
import { read, object, keepUnknown } from "./testing/schemas.ts";

suite("embedded resources", () => {
  const schema = object({
    e: { type: "object", "x-kubernetes-embedded-resource": true, ...keepUnknown },
  });

  test("metadata is read as such, and what it doesn't know is told", () => {
    const value = { e: { apiVersion: "v1", kind: "Pod", metadata: { name: "n", foo: 1 } } };
    const { fault, unknownFields } = coerceMeta(value, schema, {
      read,
      dropsMisfits: false,
      isResource: false,
    });
    assert.deepEqual(
      [fault, unknownFields, value.e.metadata],
      [undefined, ["e.metadata.foo"], { name: "n" }],
    );
  });

  test("what doesn't fit is refused in what is sent, and dropped from what is stored", () => {
    const value = { e: { apiVersion: "v1", kind: 1, metadata: { name: "n", labels: 1 } } };
    const { fault } = coerceMeta(structuredClone(value), schema, {
      read,
      dropsMisfits: false,
      isResource: false,
    });
    assert.equal(fault?.field, "e.kind");
    coerceMeta(value, schema, { read, dropsMisfits: true, isResource: false });
    assert.deepEqual(value, { e: { apiVersion: "v1", metadata: { name: "n" } } });
  });

  const cases: readonly [value: object, faults: string[]][] = [
    [{ apiVersion: "v1", kind: "Pod" }, []],
    [{}, ["e.apiVersion: Required value", "e.kind: Required value"]],
    [
      { apiVersion: "a/b/c", kind: "Pod" },
      ['e.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ],
    [
      { apiVersion: "v1", kind: "Pod", metadata: { name: "a/b" } },
      ["e.metadata.name: Invalid value: \"a/b\": may not contain '/'"],
    ],
  ];
  for (const [value, faults] of cases) {
    test(`rules: ${JSON.stringify(value)}`, () => {
      assert.deepEqual(metaFaults({ e: value }, schema).map(fieldErrorText), faults);
    });
  }
});
