/** Metadata of custom resources, read by the table like everybody's. */
import type { JsonDecoder } from "#api/codec/json.ts";
import type { ObjectMeta } from "#api/meta/object.ts";
import type { MetaReader } from "#api/schema/structural/object-meta.ts";

export const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

export const metaReader =
  (json: JsonDecoder): MetaReader =>
  (metadata) => {
    const { object, unknownFields } = json.fromValue(metadata ?? {}, objectMeta);
    return { metadata: object as ObjectMeta, unknownFields };
  };
