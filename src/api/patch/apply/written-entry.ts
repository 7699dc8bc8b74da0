/** Entries of managedFields whose fields are text: objects are created and stored without anybody looking at them. */
import type { ManagedFieldsEntry } from "../../meta/object.ts";
import type { FieldTree } from "./field-tree.ts";
import type { ManagerName } from "./managed-set.ts";

/** FieldsV1 of nothing. */
export const noFields = "{}";

interface Fields {
  readonly text: string;
  tree: FieldTree | undefined;
}

/** Hidden from all who copy, compare or encode an entry: to them it is like any other. */
const written = Symbol("written");

type Written = ManagedFieldsEntry & { readonly [written]?: Fields };

const fieldsV1: PropertyDescriptor & ThisType<Written> = {
  enumerable: true,
  configurable: true,
  get() {
    const fields = this[written];
    return fields === undefined ? undefined : (fields.tree ??= JSON.parse(fields.text) as FieldTree);
  },
};

/** An update's. Its fields are read when first asked for. */
export function writtenEntry(
  { manager, operation, apiVersion, subresource }: ManagerName,
  time: string,
  text: string,
): ManagedFieldsEntry {
  const entry: ManagedFieldsEntry = { manager, operation, apiVersion, time, fieldsType: "FieldsV1" };
  const fields: Fields = { text, tree: undefined };
  Object.defineProperty(entry, written, { value: fields });
  Object.defineProperty(entry, "fieldsV1", fieldsV1);
  if (subresource !== "") entry.subresource = subresource;
  return entry;
}

/** The entry in JSON; undefined for one whose fields aren't text. */
export function writtenJson(entry: Written): string | undefined {
  const fields = entry[written];
  if (fields === undefined) return undefined;
  const { manager, operation, apiVersion, time, fieldsType, subresource } = entry;
  const head = JSON.stringify({ manager, operation, apiVersion, time, fieldsType });
  const tail = subresource === undefined ? "" : `,"subresource":${JSON.stringify(subresource)}`;
  return `${head.slice(0, -1)},"fieldsV1":${fields.text}${tail}}`;
}
