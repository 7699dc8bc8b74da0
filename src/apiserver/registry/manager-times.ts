/**
 * A write that would change nothing but when managers last changed something isn't made.
 * upstream: apiserver/pkg/endpoints/handlers/fieldmanager/equality.go
 */
import type { AnyObject, ManagedFieldsEntry } from "#api/meta/object.ts";
import { jsonEqual } from "#api/patch/json-value.ts";

/** How it was found out, in upstream's words. */
export type Comparison = "unequal_objects_fast" | "unequal_objects_slow" | "equal_objects";

/** Gives `object` the times that `old` has, when that is all they differ in. */
export function keepManagerTimes(object: AnyObject, old: AnyObject): Comparison {
  const [entries, before] = [object.metadata?.managedFields, old.metadata?.managedFields];
  if (object.metadata === undefined || entries === undefined || before === undefined || entries === before) {
    return "unequal_objects_fast";
  }
  const mayBeSame =
    entries.length === before.length &&
    entries.some(({ time }, at) => time !== before[at]?.time) &&
    entries.every((entry, at) => isSameButTime(entry, before[at]));
  if (!mayBeSame) return "unequal_objects_fast";
  if (!isSameElsewhere(object, old)) return "unequal_objects_slow";
  object.metadata.managedFields = before;
  return "equal_objects";
}

function isSameButTime(
  { time: _time, ...entry }: ManagedFieldsEntry,
  other: ManagedFieldsEntry | undefined,
): boolean {
  if (other === undefined) return false;
  const { time: _other, ...rest } = other;
  return jsonEqual(entry, rest);
}

function isSameElsewhere(object: AnyObject, old: AnyObject): boolean {
  const { metadata, ...rest } = object;
  const { metadata: oldMetadata, ...oldRest } = old;
  const own = { ...metadata, managedFields: undefined, resourceVersion: undefined };
  return (
    jsonEqual(own, { ...oldMetadata, managedFields: undefined, resourceVersion: undefined }) &&
    jsonEqual(rest, oldRest)
  );
}
