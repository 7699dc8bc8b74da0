import assert from "node:assert/strict";
import { test } from "node:test";
import { GoZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { ByteModels, KeptBytes } from "#base/kept-bytes.ts";
import { KnownSpec } from "./known-spec.ts";
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

test("what nobody set is in the bytes, and not in what is read from them", () => {
  const scheme = createScheme();
  const zeros = new GoZeros({ table: createTypeTable(), structOf: (kind) => scheme.structOf(kind) }).of({
    group: "",
    version: "v1",
    kind: "Pod",
  });
  const spec = { containers: [{ name: "c", image: "i" }] };
  const object: AnyObject = { kind: "Pod", apiVersion: "v1", metadata: { name: "a" }, spec };
  const bytes = encodeForStore(object, undefined, zeros);
  assert.equal(
    bytes.toString(),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i","resources":{}}]},"status":{}}',
  );
  const known = new KnownSpec(object, zeros).json;
  assert.equal(encodeForStore(object, known, zeros).toString(), bytes.toString());
  const stored = new StoredObject({ namespace: "", name: "a" }, bytes, 7n, { zeros });
  assert.deepEqual(stored.object, { ...object, metadata: { name: "a", resourceVersion: "7" } });
  assert.deepEqual(stored.at(8n).object, { ...object, metadata: { name: "a", resourceVersion: "8" } });
  assert.match(stored.json().toString(), /"resources":\{\}\}\]\},"status":\{\}\}$/);
});

const note = "n".repeat(600);
const most = 18_446_744_073_709_551_615n;
const labels = { namespace: "n", uid: "u" };
const served: readonly (readonly [
  name: string,
  metadata: AnyObject["metadata"],
  revision: bigint,
  expected: string,
])[] = [
  [
    "an object",
    { labels, namespace: "n", uid: "2", name: "pod-2" },
    7n,
    '{"name":"pod-2","namespace":"n","uid":"2","resourceVersion":"7","labels":{"namespace":"n","uid":"u"}}',
  ],
  [
    "a name beyond ASCII, and quoted",
    { name: 'gr"ün\\', generation: 1 },
    most,
    `{"name":"gr\\"ün\\\\","resourceVersion":"${most}","generation":1}`,
  ],
  [
    "an object of which nothing follows",
    { name: "a", uid: "u" },
    7n,
    '{"name":"a","resourceVersion":"7","uid":"u"}',
  ],
  [
    "an object without a name",
    { labels },
    7n,
    '{"resourceVersion":"7","labels":{"namespace":"n","uid":"u"}}',
  ],
  ["an object without metadata of its own", {}, 7n, '{"resourceVersion":"7"}'],
  ["what was never written", { name: "pod-2" }, 0n, '{"name":"pod-2"}'],
];

for (const [name, metadata, revision, expectedMetadata] of served) {
  test(`${name} is served in the same bytes, packed or not, with the revision where Go has it`, () => {
    const object: AnyObject = { kind: "Pod", apiVersion: "v1", metadata, note };
    const value = encodeForStore(object);
    const models = new ByteModels();
    models.pack(new KeptBytes(encodeForStore({ ...object, more: 1 })), "pods");
    const kept = new KeptBytes(value);
    models.pack(kept, "pods");
    assert.ok(kept.isPacked);
    const id = { namespace: "", name: "x" };
    const expected = `{"kind":"Pod","apiVersion":"v1","metadata":${expectedMetadata},"note":"${note}"}`;
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
      { kind, apiVersion: "v1", metadata: { name: "x", uid: "u", creationTimestamp: "t" }, spec: {} },
    ];
    const typeBytes = `"kind":"${kind}","apiVersion":"v1",`.length;
    for (const revision of [7n, 18_446_744_073_709_551_615n]) {
      for (const object of objects) {
        const { kind: _kind, apiVersion: _version, metadata, ...rest } = object;
        const { name, uid, ...more } = metadata ?? {};
        const first = uid === undefined ? {} : { name, uid };
        const last = uid === undefined ? { name } : {};
        const item = {
          metadata: { ...first, resourceVersion: revision.toString(), ...last, ...more },
          ...rest,
        };
        const stored = new StoredObject({ namespace: "", name: "x" }, encodeForStore(object), revision);
        const target = Buffer.alloc(typeBytes + stored.servedBytesMax, "-");
        const end = stored.copyItemTo(target, typeBytes, typeBytes);
        assert.equal(target.toString("utf8", 0, end), `${"-".repeat(typeBytes)}${JSON.stringify(item)}`);
      }
    }
  });
}

test("what somebody else has written, and broke off within the name, has an end all the same", () => {
  const value = Buffer.from('{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a');
  const target = Buffer.alloc(200);
  const end = new StoredObject({ namespace: "", name: "a" }, value, 7n).copyTo(target, 0);
  assert.equal(
    target.toString("utf8", 0, end),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"a',
  );
});

test("the least that may be stored is served, whatever its revision", () => {
  const value = Buffer.from('{"kind":"Pod","apiVersion":"v1","metadata":{}}');
  assert.equal(
    new StoredObject({ namespace: "", name: "a" }, value, most).json().toString(),
    `{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"${most}"}}`,
  );
});

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

test("an object that was valid vouches for the next state's spec and annotations if they are its own", () => {
  const object: AnyObject = { kind: "Pod", metadata: { name: "a", annotations: { b: "c" } }, spec: { d: 1 } };
  const of = (isSound: boolean, kept = object): StoredObject =>
    new StoredObject({ namespace: "", name: "a" }, encodeForStore(kept), 1n, { object: kept, isSound });
  const relabelled = { ...object, metadata: { ...object.metadata, labels: { e: "f" } } };
  assert.ok(of(true).vouchesFor(relabelled));
  assert.ok(!of(false).vouchesFor(relabelled));
  assert.ok(!of(true).vouchesFor({ ...relabelled, spec: { d: 1 } }));
  assert.ok(!of(true).vouchesFor({ ...relabelled, metadata: { annotations: { b: "c" } } }));
  const { spec: _spec, ...bare } = object;
  assert.ok(!of(true, bare).vouchesFor(bare));
  const forgotten = of(true);
  forgotten.forget();
  assert.ok(!forgotten.vouchesFor(relabelled), "nobody knows any more what it was");
});
