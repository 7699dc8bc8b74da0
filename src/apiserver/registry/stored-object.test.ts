import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { ByteModels, KeptBytes } from "#base/kept-bytes.ts";
import { encodeForStore, StoredObject } from "./stored-object.ts";

test("kept bytes hold no memory but their own, and say everything but what the store knows", () => {
  const metadata = { name: "grün", resourceVersion: "7", selfLink: "/x" };
  const bytes = encodeForStore({ spec: { a: 1 }, metadata, apiVersion: "v1", kind: "Pod" });
  assert.equal(
    bytes.toString(),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"grün"},"spec":{"a":1}}',
  );
  assert.equal(bytes.buffer.byteLength, bytes.length);
});

const note = "n".repeat(600);
const served: readonly (readonly [string, AnyObject, bigint])[] = [
  ["an object", { kind: "Pod", apiVersion: "v1", metadata: { name: "pod-2", uid: "2" }, note }, 7n],
  ["a name beyond ASCII", { kind: "Pod", metadata: { name: "grün" }, note }, 18_446_744_073_709_551_615n],
  ["an object without metadata of its own", { kind: "Pod", metadata: {}, note }, 7n],
  ["what was never written", { kind: "Pod", metadata: { name: "pod-2" }, note }, 0n],
];

for (const [name, object, revision] of served) {
  test(`${name} is served in the same bytes, packed or not: those kept, with the revision first`, () => {
    const value = encodeForStore(object);
    const models = new ByteModels();
    models.pack(new KeptBytes(encodeForStore({ ...object, more: 1 })), "pods");
    const kept = new KeptBytes(value);
    models.pack(kept, "pods");
    assert.ok(kept.isPacked);
    const id = { namespace: "", name: "x" };
    const metadata = { ...(revision > 0n && { resourceVersion: revision.toString() }), ...object.metadata };
    const expected = JSON.stringify({ ...object, metadata });
    for (const stored of [new StoredObject(id, value, revision), new StoredObject(id, kept, revision)]) {
      assert.equal(stored.json().toString(), expected);
      assert.equal(stored.line("ADDED").toString(), `{"type":"ADDED","object":${expected}}\n`);
      assert.deepEqual(stored.value, value);
      assert.equal(stored.length, value.length);
      assert.deepEqual(stored.object, JSON.parse(expected));
      const target = Buffer.alloc(stored.servedBytesMax + 20, "-");
      const end = stored.copyTo(target, 10);
      assert.equal(target.toString("utf8", 0, end), `${"-".repeat(10)}${expected}`);
    }
  });
}

const types = ["Pod", "ValidatingAdmissionPolicyBinding"];
for (const kind of types) {
  test(`an item of a list doesn't say that it is a ${kind}, and leaves what is before it`, () => {
    const objects: readonly AnyObject[] = [
      { kind, apiVersion: "v1", metadata: { name: "x" }, spec: { a: 1 } },
      { kind, apiVersion: "v1", metadata: {}, spec: { ä: 1 } },
      { kind, apiVersion: "v1", metadata: {} },
    ];
    const typeBytes = `"kind":"${kind}","apiVersion":"v1",`.length;
    for (const revision of [7n, 18_446_744_073_709_551_615n]) {
      for (const object of objects) {
        const { kind: _kind, apiVersion: _version, metadata, ...rest } = object;
        const item = { metadata: { resourceVersion: revision.toString(), ...metadata }, ...rest };
        const stored = new StoredObject({ namespace: "", name: "x" }, encodeForStore(object), revision);
        const target = Buffer.alloc(typeBytes + stored.servedBytesMax, "-");
        const end = stored.copyItemTo(target, typeBytes, typeBytes);
        assert.equal(target.toString("utf8", 0, end), `${"-".repeat(typeBytes)}${JSON.stringify(item)}`);
      }
    }
  });
}

test("an item that begins otherwise than it should says all of itself", () => {
  const value = Buffer.from('{"kind":"Pod","apiVersion":"v1","more":1,"metadata":{"name":"x"}}');
  const stored = new StoredObject({ namespace: "", name: "x" }, value, 7n);
  const target = Buffer.alloc(200, "-");
  const end = stored.copyItemTo(target, 40, 31);
  assert.equal(
    target.toString("utf8", 40, end),
    '{"kind":"Pod","apiVersion":"v1","more":1,"metadata":{"resourceVersion":"7","name":"x"}}',
  );
  assert.equal(target.toString("utf8", 0, 40), "-".repeat(40));
});

const encoded: readonly (readonly [string, AnyObject])[] = [
  ["first", { kind: "Pod", apiVersion: "v1", metadata: { name: "a" }, spec: { a: "ü" }, status: { b: 1 } }],
  ["last", { kind: "Pod", metadata: { name: "grün" }, 'odd"': [1], spec: { a: 1 } }],
  ["between", { kind: "Pod", metadata: {}, data: { x: "y" }, spec: {}, none: undefined, status: { b: "ß" } }],
];

for (const [where, object] of encoded) {
  test(`a spec that is JSON already goes in as it is: ${where}`, () => {
    const spec = Buffer.from(JSON.stringify(object["spec"]), "utf8");
    assert.equal(encodeForStore(object, spec).toString(), encodeForStore(object).toString());
  });
}
