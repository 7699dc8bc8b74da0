import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import { KeptBytes } from "#base/kept-bytes.ts";
import { faultOf, Unreadable } from "./unreadable.ts";

const object = { key: "/registry/things/a/b", fault: new Error("no"), revision: 3n };

/** upstream: apiserver/pkg/storage/cacher/util_test.go */
for (const [downMs, seconds] of [
  [0, 1],
  [11_000, 1],
  [12_000, 2],
  [20_000, 3],
  [57_000, 30],
  [600_000, 30],
] as const) {
  test(`who asks when it couldn't be read for ${downMs} ms shall come again in ${seconds} s`, () => {
    const unreadable = new Unreadable();
    unreadable.add(object, 1000);
    unreadable.add({ ...object, key: "/registry/things/a/c" }, 1000 + downMs);
    assert.throws(
      () => {
        unreadable.assertNone(1000 + downMs);
      },
      (error: unknown) =>
        error instanceof StatusError &&
        error.status.details?.retryAfterSeconds === seconds &&
        error.message === "storage is (re)initializing",
    );
  });
}

test("only the last one that can be read makes it whole", () => {
  const unreadable = new Unreadable();
  unreadable.add(object, 0);
  unreadable.add({ ...object, key: "other" }, 0);
  assert.deepEqual(
    ["elsewhere", object.key, object.key, "other"].map((key) => unreadable.remove(key)),
    [false, false, false, true],
  );
  unreadable.assertNone(0);
  unreadable.assertOne(object.key);
});

const faults: readonly (readonly [value: string, said: RegExp | undefined])[] = [
  ["{}", undefined],
  ["k8s:enc:aescbc:v1:one:x", /^identity transformer tried to read encrypted data$/],
  ["k8s:enc", /^couldn't get version\/kind; json parse error: /],
  ["", /^couldn't get version\/kind; json parse error: /],
  ["\u0001x", /^yaml: control characters are not allowed$/],
];
for (const [value, said] of faults) {
  test(`${JSON.stringify(value)} is ${said === undefined ? "an object" : "none"}`, () => {
    const bytes = Buffer.from(value);
    assert.match(faultOf({ value: bytes, kept: new KeptBytes(bytes) })?.message ?? "", said ?? /^$/);
  });
}

test("what is packed isn't made whole to be looked at", () => {
  const kept = { isPacked: true } as KeptBytes;
  const entry = {
    kept,
    get value(): Buffer {
      throw new Error("made");
    },
  };
  assert.equal(faultOf(entry), undefined);
});
