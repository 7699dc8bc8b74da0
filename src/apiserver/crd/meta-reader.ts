/** Metadata of custom resources, read by the table like everybody's. */
import type { JsonDecoder } from "#api/codec/json.ts";
import type { ObjectMeta } from "#api/meta/object.ts";
import type { MetaReader } from "#api/schema/structural/object-meta.ts";

export const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const unknownPrefix = "unknown field ";

export const metaReader =
  (json: JsonDecoder): MetaReader =>
  (metadata) => {
    const { object, strictFaults } = json.fromValue(metadata ?? {}, objectMeta);
    return {
      metadata: object as ObjectMeta,
      unknownFields: strictFaults
        .filter((fault) => fault.startsWith(unknownPrefix))
        .map((fault) => JSON.parse(fault.slice(unknownPrefix.length)) as string),
    };
  };
