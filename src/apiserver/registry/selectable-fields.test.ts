/** What a client may select by is what is listed, whatever word it sends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { selectableFieldOf } from "./selectable-fields.ts";

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a", namespace: "n" },
  spec: { nodeName: "node-1" },
};

const cases: readonly [field: string, value: string | undefined][] = [
  ["metadata.name", "a"],
  ["spec.nodeName", "node-1"],
  ["spec.other", undefined],
  ["constructor", undefined],
  ["__proto__", undefined],
  ["toString", undefined],
];

for (const [field, value] of cases) {
  test(`a pod's ${field} is ${value ?? "nothing to select by"}`, () => {
    assert.equal(selectableFieldOf("pods")(pod, field), value);
  });
}
