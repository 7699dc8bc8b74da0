/** What upstream's conversions to its internal types do to what a client sends, pkg/apis/core/v1/conversion.go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../meta/object.ts";
import { applyDefaults } from "../defaults.ts";

const applied = (kind: string, object: object): AnyObject => {
  const result = structuredClone({ metadata: {}, ...object }) as AnyObject;
  applyDefaults({ group: "", version: "v1", kind }, result);
  return result;
};

/** Of a node's range and its ranges, or a pod's address and its addresses: what is sent, then what is kept. */
type Pair = readonly [one: string | undefined, all: readonly string[] | undefined];

const pairs: readonly (readonly [sent: Pair, kept?: readonly [string, readonly string[]]])[] = [
  [[undefined, undefined]],
  [
    ["a", undefined],
    ["a", ["a"]],
  ],
  [
    ["a", []],
    ["a", ["a"]],
  ],
  [
    [undefined, ["a", "b"]],
    ["a", ["a", "b"]],
  ],
  [
    ["", ["a", "b"]],
    ["a", ["a", "b"]],
  ],
  [
    ["a", ["a", "b"]],
    ["a", ["a", "b"]],
  ],
  [
    ["c", ["a", "b"]],
    ["c", ["c"]],
  ],
];

const ips = (list: readonly string[]): object[] => list.map((ip) => ({ ip }));

for (const [[one, all], kept] of pairs) {
  test(`${JSON.stringify([one, all])} is kept as ${JSON.stringify(kept)}`, () => {
    const node = { ...(one === undefined ? {} : { podCIDR: one }), ...(all && { podCIDRs: all }) };
    const [range, ranges] = kept ?? [];
    assert.deepEqual(
      applied("Node", { spec: node })["spec"],
      kept === undefined ? {} : { podCIDR: range, podCIDRs: ranges },
    );
    const pod = { ...(one === undefined ? {} : { podIP: one }), ...(all && { podIPs: ips(all) }) };
    assert.deepEqual(
      applied("Pod", { status: pod })["status"],
      kept === undefined ? {} : { podIP: range, podIPs: ips(kept[1]) },
    );
  });
}

const name = "kubernetes.io/init-container";
const old = {
  [`pod.alpha.${name}s`]: "[]",
  [`pod.beta.${name}s`]: "[]",
  [`pod.alpha.${name}-statuses`]: "[]",
  [`pod.beta.${name}-statuses`]: "[]",
};

const graceOf = (of: unknown): unknown =>
  (of as { spec: { terminationGracePeriodSeconds?: number } }).spec.terminationGracePeriodSeconds;

test("a pod's negative time to end is a second, and a template's is as it was sent", () => {
  const spec = { terminationGracePeriodSeconds: -5 };
  assert.equal(graceOf(applied("Pod", { spec })), 1);
  assert.equal(graceOf(applied("PodTemplate", { template: { spec } })["template"]), -5);
});

test("old annotations about init containers are dropped from pods and templates", () => {
  assert.deepEqual(applied("Pod", { metadata: { annotations: { ...old, a: "b" } } }).metadata, {
    annotations: { a: "b" },
  });
  assert.deepEqual(applied("Pod", { metadata: { annotations: old } }).metadata, {});
  const { metadata, template } = applied("PodTemplate", {
    metadata: { annotations: old },
    template: { metadata: { annotations: old } },
  });
  assert.deepEqual(metadata, { annotations: old });
  assert.deepEqual((template as AnyObject).metadata, {});
});
