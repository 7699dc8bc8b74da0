/** What a client demands of the object that it changes or deletes, and what it can't change of any. */
import type { AnyObject } from "#api/meta/object.ts";
import { conflictError, type Subject } from "#api/meta/status.ts";
import type { DeletionOptions } from "./strategy.ts";

/** Throws 409. */
export function checkPreconditions(
  subject: Subject,
  { metadata = {} }: AnyObject,
  preconditions: DeletionOptions["preconditions"],
): void {
  const { uid = "", resourceVersion = "" } = metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw conflictError(
      subject,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw conflictError(
      subject,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
}

const systemFields = [
  "uid",
  "creationTimestamp",
  "generation",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** What no client may change once the object exists. */
export function keepSystemFields(object: AnyObject, old: AnyObject): void {
  const metadata = (object.metadata ??= {});
  const before = old.metadata ?? {};
  for (const field of systemFields) {
    if (before[field] === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: before[field] });
  }
  if (before.generateName !== undefined) metadata.generateName ??= before.generateName;
  delete metadata.selfLink;
}
