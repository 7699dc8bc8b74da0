import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteModels, KeptBytes, WholeBytes } from "./kept-bytes.ts";

const filler = (kind: string): string =>
  Array.from({ length: 100 }, (_, at) => `"${kind}-${at * 7919}":{}`).join(",");

const bytesOf = (name: string, kind = "f"): Buffer => {
  const text = `{"name":"${name}",${filler(kind)}}`;
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, "latin1");
  return bytes;
};

function keep(models: ByteModels, name: string, kind = "f", group = "pods"): KeptBytes {
  const kept = new KeptBytes(bytesOf(name, kind));
  models.pack(kept, group);
  return kept;
}

function assertSays(kept: KeptBytes, expected: Buffer): void {
  assert.equal(kept.length, expected.length);
  assert.deepEqual(kept.bytes, expected);
  const target = Buffer.alloc(expected.length + 2);
  assert.equal(kept.copyTo(target, 2), target.length);
  assert.deepEqual(target.subarray(2), expected);
}

test("bytes much like others are kept as what differs, and say what they said", () => {
  const models = new ByteModels();
  const all = Array.from({ length: 20 }, (_, at) => keep(models, `pod-${at}`));
  assert.deepEqual(
    all.map(({ isPacked }) => isPacked),
    all.map((_, at) => at > 0),
  );
  for (const [at, kept] of all.entries()) assertSays(kept, bytesOf(`pod-${at}`));
});

test("bytes that are whole are handed on, not copied", () => {
  const bytes = bytesOf("one");
  const kept = new KeptBytes(bytes);
  new ByteModels().pack(kept, "pods");
  assert.equal(kept.bytes, bytes);
});

test("members of a group that come in kinds each find their like", () => {
  const models = new ByteModels();
  const kinds = ["pending", "running", "done"];
  for (const kind of kinds) assert.equal(keep(models, "first", kind).isPacked, false);
  for (const kind of [...kinds, ...kinds]) {
    const kept = keep(models, "next", kind);
    assert.equal(kept.isPacked, true);
    assertSays(kept, bytesOf("next", kind));
  }
});

test("a group's first is like another group's, or else the model of its own", () => {
  const models = new ByteModels();
  keep(models, "a-1", "f", "a");
  assert.equal(keep(models, "b-1", "f", "b").isPacked, true);
  assert.equal(keep(models, "c-1", "other", "c").isPacked, false);
  assert.equal(keep(models, "c-2", "other", "c").isPacked, true);
});

test("what is small stays as it is", () => {
  const models = new ByteModels();
  const small = [1, 2].map((at) => new KeptBytes(Buffer.from(`{"name":"lease-${at}"}`)));
  for (const kept of small) models.pack(kept, "leases");
  assert.deepEqual(
    small.map(({ isPacked }) => isPacked),
    [false, false],
  );
});

test("what is known by its identity stays the same", () => {
  const models = new ByteModels();
  keep(models, "one");
  const bytes = bytesOf("two");
  const kept = new WholeBytes(bytes);
  models.pack(kept, "pods");
  assert.equal(kept.bytes, bytes);
});

test("a model has memory of its own, not a part of much", () => {
  const models = new ByteModels();
  const pool = Buffer.alloc(1 << 20);
  const bytes = bytesOf("one");
  bytes.copy(pool, 100);
  const kept = new KeptBytes(pool.subarray(100, 100 + bytes.length));
  models.pack(kept, "pods");
  assertSays(kept, bytes);
  assert.equal(kept.bytes.buffer.byteLength, bytes.length);
});

test("models are forgotten where there are too many, or none that would need them; what was packed stays readable", () => {
  const models = new ByteModels();
  keep(models, "first", "first", "first");
  const second = keep(models, "second", "first", "first");
  for (let at = 0; at < 2000; at++) keep(models, "x", `kind-${at}`, `group-${at}`);
  assert.equal(keep(models, "third", "first", "first").isPacked, false, "its group's model is gone");
  assertSays(second, bytesOf("second", "first"));
  models.clear();
  assert.equal(keep(models, "fourth", "first", "first").isPacked, false);
});
