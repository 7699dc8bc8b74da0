/** What a client demands of the object that it changes or deletes, and what it can't change of any. */
import { parseUint64 } from "#api/meta/go-integer.ts";
import { qualifiedResource, type AnyObject } from "#api/meta/object.ts";
import { conflictError, failure, type Subject } from "#api/meta/status.ts";
import type { DeletionOptions } from "./strategy.ts";

export type Preconditions = NonNullable<DeletionOptions["preconditions"]>;

/** What doesn't hold of an object: which field, what was asked for, and what is. */
interface Unmet {
  readonly what: "UID" | "ResourceVersion";
  readonly asked: string;
  readonly is: string;
}

function unmet({ metadata }: AnyObject, { uid, resourceVersion }: Preconditions): Unmet | undefined {
  const { uid: ownUid = "", resourceVersion: own = "" } = metadata ?? {};
  if (uid !== undefined && uid !== ownUid) return { what: "UID", asked: uid, is: ownUid };
  if (resourceVersion === undefined || resourceVersion === own) return undefined;
  return { what: "ResourceVersion", asked: resourceVersion, is: own };
}

const failedText = ({ what, asked, is }: Unmet): string =>
  `Precondition failed: ${what} in precondition: ${asked}, ${what} in object meta: ${is}`;

/**
 * What an update is made on condition of, whether the object is there or not. Throws 409 in the words of upstream's store:
 * apiserver/pkg/storage/{errors,interfaces}.go
 */
export function checkStored(
  subject: Subject,
  key: string,
  object: AnyObject | undefined,
  preconditions: Preconditions,
): void {
  const fault = unmet(object ?? {}, preconditions);
  if (fault === undefined) return;
  throw conflictError(
    subject,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${failedText(fault)}`,
  );
}

/** The number of a revision, 0 for none. A text: why there is none. upstream: apiserver/pkg/storage/api_object_versioner.go */
export function revisionOf({ metadata }: AnyObject): bigint | string {
  const text = metadata?.resourceVersion ?? "";
  return text === "" ? 0n : parseUint64(text);
}

/** Throws 500 for an object that was sent with the revision, to be created. One that can't be read is none. */
export function assertNew(revision: bigint | string): void {
  if (typeof revision === "string" || revision === 0n) return;
  const message = "resourceVersion should not be set on objects to be created";
  throw failure({ code: 500, reason: "", message });
}

/** Resources that upstream deletes in a way of their own, with other words. */
const deletedOtherwise = new Set(["namespaces", "customresourcedefinitions.apiextensions.k8s.io"]);

/** What a deletion is made on condition of. Throws 409. upstream: apiserver/pkg/registry/rest/delete.go (BeforeDelete) */
export function checkDeletion(
  { kind, ...subject }: Subject & { readonly kind: string },
  object: AnyObject,
  preconditions: Preconditions,
): void {
  const fault = unmet(object, preconditions);
  if (fault === undefined) return;
  if (deletedOtherwise.has(qualifiedResource(subject.group, subject.resource))) {
    throw conflictError(subject, failedText(fault));
  }
  const { what, asked, is } = fault;
  const mayHave = what === "UID" ? "deleted and then recreated" : "modified";
  throw conflictError(
    { ...subject, resource: kind },
    `the ${what} in the precondition (${asked}) does not match the ${what} in record (${is}). The object might have been ${mayHave}`,
  );
}

/**
 * What no client may change once the object exists: it stays, or is left as it was sent for validation to refuse.
 * upstream: apiserver/pkg/registry/rest/update.go (BeforeUpdate)
 */
export function keepSystemFields(object: AnyObject, old: AnyObject): void {
  const metadata = (object.metadata ??= {});
  const before = old.metadata ?? {};
  for (const field of ["creationTimestamp", "generation"] as const) {
    if (before[field] === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: before[field] });
  }
  if ((metadata.uid ?? "") === "" && before.uid !== undefined) metadata.uid = before.uid;
  if (before.deletionTimestamp !== undefined) metadata.deletionTimestamp = before.deletionTimestamp;
  if (before.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds ??= before.deletionGracePeriodSeconds;
  }
  if (before.generateName !== undefined) metadata.generateName ??= before.generateName;
  delete metadata.selfLink;
}
