/** Reads managedFields, remembering what was read: stored objects are asked again and again, and they never change. */
import type { ManagedFieldsEntry } from "../../meta/object.ts";
import { decodeManagers, noManagers, type Managers } from "./managed-set.ts";
import { readFields, type FieldTree } from "./field-tree.ts";

export class ManagersReader {
  /** By the list itself. Lists of live objects are frozen. */
  readonly #lists = new WeakMap<object, Managers>();
  /** Sets that need no look: our own, and those read before. By the object that holds them. */
  readonly #sets = new WeakMap<object, FieldTree>();

  /** Throws SyntaxError. */
  read(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
    if (entries === undefined) return noManagers;
    const known = this.#lists.get(entries);
    if (known !== undefined) return known;
    const managers = decodeManagers(entries, (fields) => this.#set(fields));
    if (Object.isFrozen(entries)) this.#lists.set(entries, managers);
    return managers;
  }

  /** Nobody, where nothing can be read. */
  readOrNone(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
    try {
      return this.read(entries);
    } catch (error) {
      if (error instanceof SyntaxError) return noManagers;
      throw error;
    }
  }

  /** What was just written is in the right form. */
  remember(entries: readonly ManagedFieldsEntry[] | undefined): void {
    for (const { fieldsV1 } of entries ?? []) {
      if (typeof fieldsV1 === "object" && fieldsV1 !== null) this.#sets.set(fieldsV1, fieldsV1 as FieldTree);
    }
  }

  #set(fields: unknown): FieldTree {
    const known = typeof fields === "object" && fields !== null ? this.#sets.get(fields) : undefined;
    if (known !== undefined) return known;
    const set = readFields(fields);
    if (typeof fields === "object" && fields !== null && Object.isFrozen(fields)) this.#sets.set(fields, set);
    return set;
  }
}
