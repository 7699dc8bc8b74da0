/** Reads managedFields, remembering those of stored objects: they are asked again and again, and they never change. */
import type { ManagedFieldsEntry } from "../../meta/object.ts";
import { isMap } from "../json-value.ts";
import type { FieldTree } from "./field-tree.ts";
import { decodeManagers, noManagers, type Managers } from "./managed-set.ts";

export class ManagersReader {
  /** By the list itself. Lists of stored objects are frozen. */
  readonly #known = new WeakMap<object, Managers>();

  /** Of a stored object: what was written is in our form. Throws SyntaxError. */
  stored(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
    if (entries === undefined) return noManagers;
    const known = this.#known.get(entries);
    if (known !== undefined) return known;
    const managers = decodeManagers(entries, asWritten);
    if (Object.isFrozen(entries)) this.#known.set(entries, managers);
    return managers;
  }

  /** The same; nobody, where nothing can be read. */
  storedOrNone(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
    return orNone(() => this.stored(entries));
  }

  /** Of a client, who may write them in any form; nobody, where nothing can be read. */
  sentOrNone(entries: readonly ManagedFieldsEntry[]): Managers {
    return orNone(() => decodeManagers(entries));
  }
}

function asWritten(fields: unknown): FieldTree {
  if (isMap(fields)) return fields as unknown as FieldTree;
  if (fields === undefined || fields === null) return {};
  throw new SyntaxError("fieldsV1 must be an object");
}

function orNone(read: () => Managers): Managers {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) return noManagers;
    throw error;
  }
}
