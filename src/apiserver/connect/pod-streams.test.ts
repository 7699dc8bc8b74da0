import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { containerOf } from "./pod-streams.ts";

const named = (...names: readonly string[]): { name: string }[] => names.map((name) => ({ name }));
const lists = { containers: named("a", "b"), initContainers: named("i"), ephemeralContainers: named("e") };
const podOf = (spec: object): Pod => ({
  metadata: { name: "p", annotations: { "kubectl.kubernetes.io/default-container": "b" } },
  spec: { containers: [], ...spec },
});

for (const [what, spec, asked, found] of [
  ["the only one", { ...lists, containers: named("a") }, "", "a"],
  ["an init container that is asked for", lists, "i", "i"],
  ["an ephemeral one", lists, "e", "e"],
] as const) {
  test(`a stream's container is ${what}`, () => {
    assert.equal(containerOf(podOf(spec), asked), found);
  });
}

for (const [what, spec, asked, message] of [
  ["none of many", lists, "", "a container name must be specified for pod p, choose one of: [i a b e]"],
  ["none of none", {}, "", "a container name must be specified for pod p"],
  ["one that isn't there", lists, "x", "container x is not valid for pod p"],
] as const) {
  test(`a stream of ${what} is refused, whatever annotations tell kubectl`, () => {
    assert.throws(() => containerOf(podOf(spec), asked), { message });
  });
}
