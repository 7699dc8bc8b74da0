import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, ManagedFieldsEntry } from "#api/meta/object.ts";
import { keepManagerTimes, type Comparison } from "./manager-times.ts";

const entry = (time: string, manager = "a"): ManagedFieldsEntry => ({
  manager,
  operation: "Update",
  apiVersion: "v1",
  time,
  fieldsType: "FieldsV1",
  fieldsV1: { "f:data": {} },
});
const map = (managedFields: ManagedFieldsEntry[] | undefined, data = "x"): AnyObject => ({
  metadata: { name: "m", ...(managedFields === undefined ? {} : { managedFields }) },
  data: { data },
});

const cases: readonly [name: string, object: AnyObject, old: AnyObject, found: Comparison][] = [
  ["nobody manages anything", map(undefined), map(undefined), "unequal_objects_fast"],
  ["no time is another", map([entry("1")]), map([entry("1")], "y"), "unequal_objects_fast"],
  ["another manager", map([entry("2", "b")]), map([entry("1")]), "unequal_objects_fast"],
  ["one manager more", map([entry("2"), entry("2", "b")]), map([entry("1")]), "unequal_objects_fast"],
  ["other content", map([entry("2")], "y"), map([entry("1")]), "unequal_objects_slow"],
  ["only another time", map([entry("2")]), map([entry("1")]), "equal_objects"],
];
for (const [name, object, old, found] of cases) {
  test(`keepManagerTimes: ${name}`, () => {
    const before = structuredClone(object.metadata?.managedFields);
    assert.equal(keepManagerTimes(object, old), found);
    const kept = found === "equal_objects" ? old.metadata?.managedFields : before;
    assert.deepEqual(object.metadata?.managedFields, kept);
  });
}
