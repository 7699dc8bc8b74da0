import assert from "node:assert/strict";
import { test } from "node:test";
import { createScheme } from "#api/scheme.ts";
import { SchemeTypes } from "./object-types.ts";

const fail = (): never => assert.fail("not asked");
const types = new SchemeTypes({
  scheme: createScheme(),
  semantics: { check: fail, applyDefaults: fail, applyType: fail, zeros: fail },
  convert: fail,
  custom: () => ({ resources: [], versionsOf: fail, typesOf: fail }),
  remote: () => [
    {
      group: "metrics.example.com",
      version: "v1",
      groupPriority: 100,
      versionPriority: 10,
      freshness: "Current",
      published: [
        {
          resource: "loads",
          responseKind: { group: "metrics.example.com", version: "v1", kind: "Load" },
          scope: "Namespaced",
          singularResource: "load",
          verbs: ["get", "list"],
        },
      ],
    },
  ],
});

const cases: readonly (readonly [group: string, version: string, kind: string, found: string | undefined])[] =
  [
    ["apps", "v1", "Deployment", "deployments true"],
    ["", "v1", "Node", "nodes false"],
    ["metrics.example.com", "v1", "Load", "loads true"],
    ["metrics.example.com", "v2", "Load", undefined],
    ["metrics.example.com", "v1", "Other", undefined],
  ];
for (const [group, version, kind, expected] of cases) {
  test(`${kind} of ${group}/${version} is served as ${expected ?? "nothing"}`, () => {
    const found = types.resourceOf({ group, version, kind });
    assert.equal(found === undefined ? undefined : [found.resource, found.namespaced].join(" "), expected);
  });
}

test("an object of a kind that is defined is written by key, as a map", () => {
  const object = { kind: "Widget", spec: { b: 1, a: [{ d: 1, c: 2 }] }, apiVersion: "example.com/v1" };
  const written = types.written(object, { group: "example.com", version: "v1", kind: "Widget" });
  assert.equal(
    JSON.stringify(written),
    '{"apiVersion":"example.com/v1","kind":"Widget","spec":{"a":[{"c":2,"d":1}],"b":1}}',
  );
});
