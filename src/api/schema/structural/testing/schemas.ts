/** Short ways to write a schema, and a reader of metadata. */
import { JsonDecoder } from "../../../codec/json.ts";
import type { ObjectMeta } from "../../../meta/object.ts";
import { createTypeTable } from "../../table.ts";
import { type MetaReader } from "../object-meta.ts";
import type { Structural } from "../structural.ts";

export const json = new JsonDecoder(createTypeTable());
export const read: MetaReader = (metadata) => {
  const { object, strictFaults } = json.fromValue(
    metadata,
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
  );
  return {
    metadata: object as ObjectMeta,
    unknownFields: strictFaults.map((fault) => JSON.parse(fault.slice("unknown field ".length)) as string),
  };
};

export const text: Structural = { type: "string" };
export const object = (properties: Record<string, Structural>, more: Structural = {}): Structural => ({
  type: "object",
  properties,
  ...more,
});
export const list = (items: Structural, more: Structural = {}): Structural => ({
  type: "array",
  items,
  ...more,
});
export const keepUnknown = { "x-kubernetes-preserve-unknown-fields": true };
