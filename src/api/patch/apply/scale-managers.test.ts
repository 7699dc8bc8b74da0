import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagedFieldsEntry } from "../../meta/object.ts";
import { decodeManagers, encodeManagers } from "./managed-set.ts";
import { parentManagers, scaleManagers } from "./scale-managers.ts";

const parent = { apiVersion: "apps/v1", replicas: ["f:spec", "f:replicas"] };
const replicas = { "f:spec": { "f:replicas": {} } };
const entry = (
  manager: string,
  operation: string,
  fieldsV1: unknown,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry => ({
  manager,
  operation,
  apiVersion: "apps/v1",
  fieldsType: "FieldsV1",
  fieldsV1,
  ...more,
});
const scaled = (
  manager: string,
  operation: string,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry => entry(manager, operation, replicas, { apiVersion: "autoscaling/v1", ...more });

test("a scale shows those who manage the replicas, as managers of its own", () => {
  const managers = decodeManagers([
    entry("one", "Apply", { "f:spec": { "f:paused": {}, "f:replicas": {} } }),
    entry("two", "Update", { "f:metadata": { "f:labels": { "f:a": {} } } }),
    entry("three", "Update", replicas, { subresource: "scale", time: "2026-01-01T00:00:00Z" }),
  ]);
  assert.deepEqual(encodeManagers(scaleManagers(managers, parent)), [
    scaled("one", "Apply"),
    scaled("three", "Update", { subresource: "scale", time: "2026-01-01T00:00:00Z" }),
  ]);
});

const cases: readonly [
  name: string,
  before: readonly ManagedFieldsEntry[],
  scale: readonly ManagedFieldsEntry[],
  after: readonly ManagedFieldsEntry[],
][] = [
  [
    "an owner who loses the replicas keeps the rest",
    [entry("one", "Apply", { "f:spec": { "f:paused": {}, "f:replicas": {} } })],
    [scaled("hpa", "Update", { subresource: "scale" })],
    [
      entry("one", "Apply", { "f:spec": { "f:paused": {} } }),
      entry("hpa", "Update", replicas, { subresource: "scale" }),
    ],
  ],
  [
    "an owner who had nothing else goes",
    [entry("one", "Update", replicas)],
    [scaled("hpa", "Update", { subresource: "scale" })],
    [entry("hpa", "Update", replicas, { subresource: "scale" })],
  ],
  [
    "owners stay together",
    [entry("one", "Apply", replicas)],
    [scaled("one", "Apply"), scaled("two", "Apply", { subresource: "scale" })],
    [entry("one", "Apply", replicas), entry("two", "Apply", replicas, { subresource: "scale" })],
  ],
  ["nobody is left", [entry("one", "Apply", replicas)], [], []],
];
for (const [name, before, scale, after] of cases) {
  test(`scale: ${name}`, () => {
    const managers = parentManagers(decodeManagers(before), decodeManagers(scale), parent);
    assert.deepEqual(encodeManagers(managers) ?? [], after);
  });
}
