/**
 * Between what is stored and the version that is served, where that takes more than the bytes: custom resources are
 * converted, pruned and defaulted each time they are read, and a webhook may have to be asked. Built-ins have none.
 */
import type { AnyObject } from "#api/meta/object.ts";
import type { StoredObject } from "./stored-object.ts";

export interface StorageForm {
  /** Makes the views of these, all in one go; undefined: they are at hand. Throws what keeps one from being made. */
  prepare(objects: readonly StoredObject[]): Promise<void> | undefined;
  /** In the served version; only after `prepare`. Shared and frozen. */
  view(stored: StoredObject): AnyObject;
  /** As it is to be stored. `object` is the caller's to lose. */
  encode(object: AnyObject): Promise<AnyObject>;
}
