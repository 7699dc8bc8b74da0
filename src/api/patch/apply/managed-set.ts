/** Who manages which fields. upstream: structured-merge-diff/v6/fieldpath/managers.go, managedfields/internal/managedfields.go */
import type { ManagedFieldsEntry } from "../../meta/object.ts";
import { readFields, type FieldTree } from "./field-tree.ts";

export interface Manager {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339; undefined when no time was noted. */
  readonly time: string | undefined;
  readonly fields: FieldTree;
}

/** By identity: one entry per manager, operation, version (of updates) and subresource. */
export type Managers = ReadonlyMap<string, Manager>;

export type ManagerName = Pick<Manager, "manager" | "operation" | "apiVersion" | "subresource">;

/** Also the order in which managers are gone through. upstream: BuildManagerIdentifier */
export function identityOf({ manager, operation, apiVersion, subresource }: ManagerName): string {
  const version = operation === "Apply" ? "" : apiVersion;
  return JSON.stringify({
    ...(manager === "" ? {} : { manager }),
    operation,
    ...(version === "" ? {} : { apiVersion: version }),
    ...(subresource === "" ? {} : { subresource }),
  });
}

export const noManagers: Managers = new Map();

/** Throws Error for an entry that upstream can't decode either. */
export function decodeManagers(
  entries: readonly ManagedFieldsEntry[],
  read: (fields: unknown) => FieldTree = readFields,
): Managers {
  const managers = new Map<string, Manager>();
  for (const [index, entry] of entries.entries()) {
    const { operation, apiVersion = "", fieldsType = "" } = entry;
    if (operation !== "Apply" && operation !== "Update") {
      throw new SyntaxError("operation must be `Apply` or `Update`");
    }
    if (apiVersion === "") throw new SyntaxError("apiVersion must not be empty");
    if (fieldsType === "") throw new SyntaxError(`missing fieldsType in managed fields entry ${index}`);
    if (fieldsType !== "FieldsV1") {
      throw new SyntaxError(
        `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`,
      );
    }
    const name: ManagerName = {
      manager: entry.manager ?? "",
      operation,
      apiVersion,
      subresource: entry.subresource ?? "",
    };
    managers.set(identityOf(name), { ...name, time: entry.time, fields: read(entry.fieldsV1) });
  }
  return managers;
}

/** Applied first, then by time, then by name. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()].toSorted(compareManagers).map(entryOf);
}

const entryOf = ({
  manager,
  operation,
  apiVersion,
  subresource,
  time,
  fields,
}: Manager): ManagedFieldsEntry => ({
  ...(manager === "" ? {} : { manager }),
  operation,
  apiVersion,
  ...(time === undefined ? {} : { time }),
  fieldsType: "FieldsV1",
  fieldsV1: fields,
  ...(subresource === "" ? {} : { subresource }),
});

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const compareManagers = (a: Manager, b: Manager): number =>
  compare(a.operation, b.operation) ||
  compare(a.time ?? "", b.time ?? "") ||
  compare(a.manager, b.manager) ||
  compare(a.apiVersion, b.apiVersion) ||
  compare(a.subresource, b.subresource);

/** [] and [{}] ask to forget all managers; the field's absence doesn't. */
export function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  if (entries === undefined) return false;
  const [first] = entries;
  return first === undefined || (entries.length === 1 && Object.keys(first).length === 0);
}

/** As messages name a manager. upstream: managedfields/internal/conflict.go */
export function managerText({ manager, operation, apiVersion, subresource }: Manager): string {
  const where = subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`;
  const how = operation === "Update" ? ` using ${apiVersion}` : "";
  return `${JSON.stringify(manager)}${where}${how}`;
}
