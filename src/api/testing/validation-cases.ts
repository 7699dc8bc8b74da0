/** Tables of what validation says: an object of a kind, what is changed in it, and the faults as a client reads them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { applyDefaults } from "../defaults.ts";
import { fieldErrorText, type FieldError } from "../meta/field-error.ts";
import { parseApiVersion, type AnyObject, type GroupVersionKind } from "../meta/object.ts";
import { parseRuntimeConfig } from "../runtime-config.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { Validator } from "../validation.ts";

const scheme = createScheme(parseRuntimeConfig(["api/all=true"]));
const validator = new Validator({ scheme, table: createTypeTable() });

/** Faultless objects by "group/version/Kind", without names. */
export type Valid = Readonly<Record<string, object>>;

/** A fault that ends with … goes on with the value. */
export type CreateCase = readonly [key: string, changes: object, ...faults: readonly string[]];
export type UpdateCase = readonly [key: string, old: object, changes: object, ...faults: readonly string[]];

/** Deeply merged; undefined takes a field away. */
function over(base: unknown, changes: unknown): unknown {
  if (typeof base !== "object" || base === null || Array.isArray(base)) return changes;
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return changes;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const merged = over(result[key], value);
    if (merged === undefined) delete result[key];
    else result[key] = merged;
  }
  return result;
}

function objectOf(valid: Valid, key: string, changes: object): { gvk: GroupVersionKind; object: AnyObject } {
  const slash = key.lastIndexOf("/");
  const gvk = { ...parseApiVersion(key.slice(0, slash)), kind: key.slice(slash + 1) };
  const namespaced = scheme.kind(gvk)?.namespaced ?? true;
  const metadata = { name: "x", ...(namespaced ? { namespace: "n" } : {}) };
  const object = structuredClone(over({ metadata, ...valid[key] }, changes)) as AnyObject;
  applyDefaults(gvk, object);
  return { gvk, object };
}

function assertFaults(got: readonly string[], want: readonly string[]): void {
  assert.equal(got.length, want.length, got.join("\n"));
  for (const [index, text] of want.entries()) {
    const isFine = text.endsWith("…") ? got[index]?.startsWith(text.slice(0, -1)) : got[index] === text;
    assert.ok(isFine === true, `${got[index]}\nis not\n${text}`);
  }
}

const short = (value: object): string => JSON.stringify(value).slice(0, 100);

export function testCreates(valid: Valid, cases: readonly CreateCase[]): void {
  for (const key of Object.keys(valid)) {
    test(`a good ${key} is created, and updated with itself`, () => {
      const { gvk, object } = objectOf(valid, key, {});
      assert.deepEqual(validator.create(gvk, object), []);
      assert.deepEqual(validator.update(gvk, object, object), []);
    });
  }
  for (const [key, changes, ...want] of cases) {
    test(`${key} with ${short(changes)}: ${want[0]?.slice(0, 80) ?? "fine"}`, () => {
      assertFaults(faultsOfNew(valid, key, changes).map(fieldErrorText), want);
    });
  }
}

/** What is found in a new object. */
export function faultsOfNew(valid: Valid, key: string, changes: object): readonly FieldError[] {
  const { gvk, object } = objectOf(valid, key, changes);
  return validator.create(gvk, object);
}

/** What an update finds. */
export function changeOf(valid: Valid, key: string, before: object, changes: object): readonly FieldError[] {
  const { gvk, object } = objectOf(valid, key, over(before, changes) as object);
  return validator.update(gvk, object, objectOf(valid, key, before).object);
}

/** What an update of the status finds. */
export function statusChangeOf(
  valid: Valid,
  key: string,
  before: object,
  changes: object,
): readonly FieldError[] {
  const { gvk, object } = objectOf(valid, key, over(before, changes) as object);
  return validator.statusUpdate(gvk, object, objectOf(valid, key, before).object);
}

export function testUpdates(valid: Valid, cases: readonly UpdateCase[]): void {
  for (const [key, before, changes, ...want] of cases) {
    test(`${key} changed by ${short(changes)}: ${want[0]?.slice(0, 80) ?? "fine"}`, () => {
      assertFaults(changeOf(valid, key, before, changes).map(fieldErrorText), want);
    });
  }
}

export function testStatusUpdates(valid: Valid, cases: readonly UpdateCase[]): void {
  for (const [key, before, changes, ...want] of cases) {
    test(`${key} with the status ${short(changes)}: ${want[0]?.slice(0, 80) ?? "fine"}`, () => {
      assertFaults(statusChangeOf(valid, key, before, changes).map(fieldErrorText), want);
    });
  }
}

type PartCase = readonly [
  part: "ephemeralContainers" | "resources",
  old: object,
  now: object,
  ...faults: readonly string[],
];

/** What the subresources of a pod that change a part of its spec say. */
export function testPodParts(valid: Valid, cases: readonly PartCase[]): void {
  for (const [part, before, now, ...want] of cases) {
    test(`a pod's ${part} become ${short(now)}: ${want[0]?.slice(0, 80) ?? "fine"}`, () => {
      const { object } = objectOf(valid, "v1/Pod", now);
      const old = objectOf(valid, "v1/Pod", before).object;
      assertFaults(validator.podPartUpdate(part, object, old).map(fieldErrorText), want);
    });
  }
}
