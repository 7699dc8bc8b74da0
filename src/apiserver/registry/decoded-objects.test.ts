import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { KeptBytes } from "#base/kept-bytes.ts";
import { DecodedObjects, RecentObjects } from "./decoded-objects.ts";
import { ResourceCache } from "./resource-cache.ts";
import { encodeForStore, sealed, StoredObject } from "./stored-object.ts";

interface TestPod extends AnyObject {
  readonly spec: {
    readonly containers: readonly Record<string, unknown>[];
    readonly [name: string]: unknown;
  };
}

const image = "registry.example/web:1.2.3";

const pod = (name: string, more: object = {}): TestPod => ({
  kind: "Pod",
  apiVersion: "v1",
  metadata: {
    name,
    namespace: "default",
    labels: { app: "web" },
    managedFields: [{ manager: "kubectl", fieldsV1: { "f:spec": {} } }],
  },
  spec: {
    containers: [{ name: "main", image, env: [{ name: "A", value: "1" }], mount: `token-${name}` }],
    ...more,
  },
});

function shareAndKeep(decoded: DecodedObjects, object: AnyObject, before?: AnyObject): void {
  decoded.share(object, before);
  decoded.keep(object);
}

const decodedObjects = (): DecodedObjects => new DecodedObjects(new RecentObjects());

test("what objects of a group say in the same words is there once, and each still says the same", () => {
  const decoded = decodedObjects();
  const one = pod("one");
  shareAndKeep(decoded, one);
  sealed(one);
  const two = pod("two");
  const text = JSON.stringify(two);
  shareAndKeep(decoded, two);
  assert.equal(JSON.stringify(two), text);
  assert.equal(two.metadata?.labels, one.metadata?.labels);
  assert.equal(two.spec.containers[0]?.["env"], one.spec.containers[0]?.["env"]);
  assert.notEqual(two.spec.containers[0], one.spec.containers[0], "they mount different tokens");
});

const different: readonly (readonly [string, unknown, unknown])[] = [
  ["another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["a field more", { a: 1, b: 2 }, { a: 1 }],
  ["a field less", { a: 1 }, { a: 1, b: 2 }],
  ["an item more", [1, 2], [1]],
  ["an item less", [1], [1, 2]],
  ["a list and an object", [], {}],
  ["null and an object", null, {}],
  ["a number and its text", [1], ["1"]],
  ["a field of everybody's", JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}')],
  ["a field everybody inherits", { toString: null }, {}],
];

for (const [what, before, now] of different) {
  test(`not the same: ${what}`, () => {
    const decoded = decodedObjects();
    shareAndKeep(decoded, pod("one", { part: before }));
    const two = pod("two", { part: now });
    const text = JSON.stringify(two);
    shareAndKeep(decoded, two);
    assert.equal(JSON.stringify(two), text);
    assert.equal(two.spec["part"], now);
  });
}

test("an object's own last state comes before its group's newest", () => {
  const decoded = decodedObjects();
  const before = pod("one", { part: { of: "one" } });
  shareAndKeep(decoded, pod("two", { part: { of: "two" } }));
  const now = pod("one", { part: { of: "one" } });
  shareAndKeep(decoded, now, before);
  assert.equal(now.spec, before.spec);
  assert.notEqual(now.metadata, before.metadata, "its revision is its own");
});

const deep = (): TestPod =>
  pod("deep", { part: JSON.parse(`${"[".repeat(9000)}${"]".repeat(9000)}`) as unknown });

test("what another object's prototype is called isn't shared with it", () => {
  const decoded = decodedObjects();
  shareAndKeep(decoded, pod("one"));
  const text = JSON.stringify(pod("two")).replace(/}$/, ',"__proto__":{}}');
  const two = JSON.parse(text) as AnyObject;
  shareAndKeep(decoded, two);
  assert.equal(JSON.stringify(two), text);
  assert.notEqual(Object.getOwnPropertyDescriptor(two, "__proto__")?.value, Object.prototype);
});

test("deep nesting is no trouble", () => {
  const decoded = decodedObjects();
  shareAndKeep(decoded, deep());
  const second = deep();
  shareAndKeep(decoded, second);
  assert.equal((second.spec["part"] as unknown[]).length, 1);
});

test("decoded forms are forgotten, the first ones first, when more bytes are decoded than may be", () => {
  const forgotten: number[] = [];
  const recent = new RecentObjects({ bytesMax: 1000 });
  for (let at = 0; at < 200; at++) {
    recent.note({ length: 100, forget: () => forgotten.push(at) });
  }
  assert.deepEqual(
    forgotten,
    Array.from({ length: 190 }, (_, at) => at),
  );
});

test("most of them are forgotten a turn later: who watches has had them by then", () => {
  const forgotten: number[] = [];
  const later: (() => void)[] = [];
  const recent = new RecentObjects({
    bytesMax: 1000,
    stayingBytesMax: 300,
    defer: (run) => {
      later.push(run);
    },
  });
  const note = (at: number): void => {
    recent.note({ length: 100, forget: () => forgotten.push(at) });
  };
  for (let at = 0; at < 10; at++) note(at);
  assert.deepEqual(forgotten, []);
  assert.equal(later.length, 1);
  later[0]?.();
  assert.deepEqual(forgotten, [0, 1, 2, 3, 4, 5, 6]);
  note(10);
  assert.equal(later.length, 2);
});

const stored = (recentBytesMax: number): StoredObject => {
  const decoded = new DecodedObjects(new RecentObjects({ bytesMax: recentBytesMax }));
  return new StoredObject({ namespace: "default", name: "one" }, encodeForStore(pod("one")), 7n, { decoded });
};

test("the lean form has everything but managed fields, and is the same for all who ask", () => {
  const object = stored(0);
  const { managedFields, ...metadata } = object.object.metadata ?? {};
  assert.equal(managedFields?.length, 1);
  assert.deepEqual(object.lean, { ...object.object, metadata });
  assert.equal(object.lean.metadata.resourceVersion, "7");
  assert.equal(object.lean, object.lean);
  assert.ok(Object.isFrozen(object.lean) && Object.isFrozen(object.lean.metadata));
});

test("the whole is kept while it is recent, the lean form for as long as the object is there", () => {
  const recent = stored(1 << 20);
  assert.equal(recent.object, recent.object);
  const old = stored(0);
  assert.notEqual(old.object, old.object);
  assert.deepEqual(old.object, old.object);
  const { lean } = old;
  old.retire();
  assert.notEqual(old.lean, lean);
  assert.deepEqual(old.lean, lean);
});

test("what a deletion tells is lean where the object was", () => {
  const object = stored(1 << 20);
  assert.equal(object.lean.metadata?.resourceVersion, "7");
  assert.deepEqual(object.at(9n).lean, {
    ...object.lean,
    metadata: { ...object.lean.metadata, resourceVersion: "9" },
  });
});

test("listeners see announced objects without anybody having read the bytes, and sharing", () => {
  const cache = new ResourceCache("/registry/pods/", true);
  const heard: AnyObject[] = [];
  cache.listen({ onEvent: ({ current }) => current !== undefined && heard.push(current.lean) });
  for (const [at, name] of ["one", "two"].entries()) {
    const object = pod(name);
    // Not even JSON: nobody reads them.
    const value = Buffer.from(name);
    cache.share(object);
    cache.announce(value, object, true);
    cache.put({ namespace: "default", name }, new KeptBytes(value), BigInt(at + 1));
  }
  const [one, two] = heard.map(({ metadata }) => metadata);
  assert.ok(one !== undefined && !("managedFields" in one));
  assert.equal(two?.resourceVersion, "2");
  assert.equal(two.labels, one.labels);
});

test("the ring lets go of old states that are large, and says how far back it reaches", () => {
  const cache = new ResourceCache("/registry/things/", false);
  const value = encodeForStore({ metadata: { name: "a" }, text: "x".repeat(1 << 20) });
  for (let revision = 1n; revision <= 30n; revision++) {
    cache.put({ namespace: "", name: "a" }, new KeptBytes(value), revision);
  }
  const floor = cache.ringFloor;
  assert.ok(floor > 15n && floor < 29n, `the ring begins after ${floor}`);
  assert.equal(cache.eventsAfter(floor - 1n), undefined);
  assert.equal(cache.eventsAfter(floor)?.length, Number(30n - floor));
});

function made(name: string, note: string, more?: object): TestPod {
  const object = pod(name, { ...more, containers: [{ name: "main" }] });
  return { ...object, metadata: { ...object.metadata, annotations: { note } } };
}

test("what is known of a spec holds for those of its group that have it and its annotations in the same words", () => {
  const decoded = decodedObjects();
  assert.equal(decoded.share(made("one", "a")), undefined);
  const known = decoded.keep(made("one", "a"));
  assert.equal(known.isSound, false);
  known.noteSound();
  const two = made("two", "a");
  assert.equal(decoded.share(two), known);
  assert.equal(decoded.keep(two), known);
  assert.equal(known.json.toString(), JSON.stringify(two.spec));
  assert.equal(decoded.share(made("three", "b")), undefined);
  assert.equal(decoded.share(made("three", "a", { nodeName: "n" })), undefined);
  assert.equal(decoded.keep(made("three", "a", { nodeName: "n" })).isSound, false, "another spec");
  assert.equal(decoded.share(two), undefined, "the newest of the group is another");
});
