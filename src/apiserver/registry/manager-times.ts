/**
 * A write that would change nothing but when managers last changed something isn't made.
 * upstream: apiserver/pkg/endpoints/handlers/fieldmanager/equality.go
 */
import type { AnyObject, ManagedFieldsEntry } from "#api/meta/object.ts";
import { jsonEqual } from "#api/patch/json-value.ts";

/** Gives `object` the times that `old` has, when that is all they differ in. */
export function keepManagerTimes(object: AnyObject, old: AnyObject): void {
  const [entries, before] = [object.metadata?.managedFields, old.metadata?.managedFields];
  if (entries === undefined || before === undefined || entries === before) return;
  if (entries.length !== before.length || !entries.some(({ time }, at) => time !== before[at]?.time)) return;
  if (!entries.every((entry, at) => isSameButTime(entry, before[at]))) return;
  if (object.metadata !== undefined && isSameElsewhere(object, old)) object.metadata.managedFields = before;
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
