import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/meta/object.ts";
import { pods, replicaSets } from "#api/resources.ts";
import { OwnerGraph } from "./graph.ts";

const owned = (uid: string, ...owners: string[]): KubeObject => ({
  kind: "Pod",
  apiVersion: "v1",
  metadata: {
    uid,
    name: uid,
    namespace: "default",
    ownerReferences: owners.map((owner) => ({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: owner,
      uid: owner,
    })),
  },
});

test("each owner has its own dependents, and none when the last has gone", () => {
  const graph = new OwnerGraph({ attempt: () => undefined, orphan: () => undefined });
  const dependents = (uid: string): string[] =>
    [...(graph.get(uid)?.dependents ?? [])].map((node) => node.uid);
  for (const uid of ["a", "b", "c"]) graph.set(owned(uid), replicaSets);
  graph.set(owned("1", "a"), pods);
  graph.set(owned("2", "a", "b"), pods);
  assert.deepEqual(["a", "b", "c"].map(dependents), [["1", "2"], ["2"], []]);
  graph.set(owned("2", "c"), pods);
  assert.deepEqual(["a", "b", "c"].map(dependents), [["1"], [], ["2"]]);
  graph.remove("1");
  graph.remove("2");
  assert.deepEqual(["a", "b", "c"].map(dependents), [[], [], []]);
  assert.equal(graph.size, 3);
});

test("an owner nobody has seen is forgotten with its last dependent", () => {
  const graph = new OwnerGraph({ attempt: () => undefined, orphan: () => undefined });
  graph.set(owned("1", "a"), pods);
  graph.set(owned("2", "a"), pods);
  assert.equal(graph.size, 3);
  graph.remove("1");
  assert.equal(graph.get("a")?.dependents.size, 1);
  graph.remove("2");
  assert.equal(graph.size, 0);
});
