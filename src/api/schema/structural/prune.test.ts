import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { prune } from "./prune.ts";
import type { Structural } from "./structural.ts";
import { text, object, list, keepUnknown } from "./testing/schemas.ts";

suite("pruning", () => {
  const cases: readonly [
    name: string,
    schema: Structural,
    before: object,
    after: object,
    dropped: string[],
  ][] = [
    ["unknown fields", object({ a: text }), { a: "x", b: 1, c: {} }, { a: "x" }, ["b", "c"]],
    [
      "the resource's own fields stay",
      object({}),
      { kind: "K", apiVersion: "v", metadata: { any: 1 }, x: 1 },
      { kind: "K", apiVersion: "v", metadata: { any: 1 } },
      ["x"],
    ],
    [
      "in lists, with indices",
      object({ l: list(object({ a: text })) }),
      { l: [{ a: "1", b: 1 }, { c: 2 }] },
      { l: [{ a: "1" }, {}] },
      ["l[0].b", "l[1].c"],
    ],
    [
      "values of maps",
      object({ m: { type: "object", additionalProperties: object({ a: text }) } }),
      { m: { x: { a: "1", b: 2 } } },
      { m: { x: { a: "1" } } },
      ["m.x.b"],
    ],
    [
      "not where unknown fields are kept, but what is specified below",
      object({ s: object({ a: object({ b: text }) }, keepUnknown) }),
      { s: { x: { y: 1 }, a: { b: "1", c: 1 } } },
      { s: { x: { y: 1 }, a: { b: "1" } } },
      ["s.a.c"],
    ],
    [
      "kind and metadata of an embedded resource stay",
      object({ e: object({ spec: object({}) }, { "x-kubernetes-embedded-resource": true }) }),
      { e: { kind: "K", apiVersion: "v1", metadata: { name: "n" }, spec: { a: 1 }, x: 1 } },
      { e: { kind: "K", apiVersion: "v1", metadata: { name: "n" }, spec: {} } },
      ["e.spec.a", "e.x"],
    ],
    [
      "a key that is a name of Object's",
      object({}),
      JSON.parse('{"__proto__":1}') as object,
      {},
      ["__proto__"],
    ],
  ];
  for (const [name, schema, before, after, dropped] of cases) {
    test(name, () => {
      const value = structuredClone(before);
      assert.deepEqual(prune(value, schema, true), dropped);
      assert.deepEqual(value, after);
    });
  }
});
