/**
 * How an answer is to look: its media type and shape, negotiated once per request.
 * upstream: apiserver/pkg/endpoints/handlers/negotiation/negotiate.go
 */
import type { ProtobufCodec } from "#api/codec/protobuf.ts";
import { formatYaml } from "#api/codec/yaml.ts";
import { apiVersionOf, type AnyObject, type ListMeta } from "#api/meta/object.ts";
import type { ShownKind } from "#api/meta/printer.ts";
import { badRequestError, failure, type StatusError } from "#api/meta/status.ts";
import {
  jsonMediaType,
  negotiate,
  protobufMediaType,
  yamlMediaType,
  type Accepted,
  type Offer,
} from "#apiserver/request/media-type.ts";
import { partialOf, tableOf, type IncludeObject } from "./table.ts";

const metaVersions = ["v1", "v1beta1"];

const everything: Offer = {
  mediaTypes: [jsonMediaType, yamlMediaType, protobufMediaType],
  shapes: new Map([
    ["Table", metaVersions],
    ["PartialObjectMetadata", metaVersions],
    ["PartialObjectMetadataList", metaVersions],
  ]),
};

const notAcceptable = ({ mediaTypes }: Offer): StatusError =>
  failure({
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${mediaTypes.join(", ")}`,
  });

export interface ShapeDeps {
  readonly protobuf: ProtobufCodec;
  readonly now: () => number;
}

export class Shape {
  readonly accepted: Accepted;
  readonly includeObject: IncludeObject;
  readonly #deps: ShapeDeps;

  constructor(accepted: Accepted, includeObject: IncludeObject, deps: ShapeDeps) {
    this.accepted = accepted;
    this.includeObject = includeObject;
    this.#deps = deps;
  }

  /** Objects go out as they are stored: their bytes can be used. */
  get isPlainJson(): boolean {
    return this.accepted.mediaType === jsonMediaType && this.accepted.as === "" && !this.accepted.isPretty;
  }

  get isTable(): boolean {
    return this.accepted.as === "Table";
  }

  contentType(isWatch: boolean): string {
    const { mediaType } = this.accepted;
    return isWatch && mediaType === protobufMediaType ? `${mediaType};stream=watch` : mediaType;
  }

  /** One object in the asked shape. `gvk` is the object's own. */
  shaped(object: AnyObject, gvk: ShownKind, withColumns = true): AnyObject {
    const { as, version } = this.accepted;
    if (as === "" || object.kind === "Status") return object;
    if (as === "Table") {
      const metadata = listMetaOf(object);
      return tableOf([object], metadata, this.#tableOptions(gvk), withColumns);
    }
    return partialOf(object, version);
  }

  list(objects: readonly AnyObject[], metadata: ListMeta, list: ShownKind & { listKind: string }): AnyObject {
    const { as, version } = this.accepted;
    if (as === "Table") return tableOf(objects, metadata, this.#tableOptions(list));
    if (as === "") return { kind: list.listKind, apiVersion: apiVersionOf(list), metadata, items: objects };
    return {
      kind: "PartialObjectMetadataList",
      apiVersion: `meta.k8s.io/${version}`,
      metadata,
      items: objects.map((object) => partialOf(object, version)),
    };
  }

  encode(object: AnyObject): Buffer {
    switch (this.accepted.mediaType) {
      case jsonMediaType:
        return Buffer.from(
          this.accepted.isPretty ? `${JSON.stringify(object, undefined, 2)}\n` : JSON.stringify(object),
          "utf8",
        );
      case yamlMediaType:
        return Buffer.from(formatYaml(object), "utf8");
      case protobufMediaType:
        return this.#deps.protobuf.encode(object);
    }
  }

  /** `author` is JSON. In protobuf there is no place for it. */
  encodeEvent(type: string, object: AnyObject, author?: string): Buffer {
    if (this.accepted.mediaType === protobufMediaType) {
      return this.#deps.protobuf.encodeWatchEvent(type, object);
    }
    const event = {
      type,
      object,
      ...(author === undefined ? {} : { author: JSON.parse(author) as unknown }),
    };
    return Buffer.from(
      this.accepted.mediaType === yamlMediaType ? `---\n${formatYaml(event)}` : `${JSON.stringify(event)}\n`,
      "utf8",
    );
  }

  #tableOptions(gvk: ShownKind): Parameters<typeof tableOf>[2] {
    return {
      gvk,
      version: this.accepted.version,
      includeObject: this.includeObject,
      nowMs: this.#deps.now(),
    };
  }
}

function listMetaOf({ metadata }: AnyObject): ListMeta {
  const resourceVersion = metadata?.resourceVersion;
  return resourceVersion === undefined ? {} : { resourceVersion };
}

export interface Limits {
  /** Custom resources have no protobuf form, but their metadata has: so they are watched by client-go. */
  readonly hasProtobuf: boolean;
  /** What is created only to be answered has no rows. */
  readonly hasTable: boolean;
}

function offered({ hasProtobuf, hasTable }: Limits): Offer {
  const { mediaTypes, shapes } = everything;
  return {
    mediaTypes,
    plainMediaTypes: mediaTypes.filter((type) => hasProtobuf || type !== protobufMediaType),
    shapes: new Map([...shapes].filter(([shape]) => hasTable || shape !== "Table")),
  };
}

/** Throws 406 when nothing the client accepts can be served, 400 for a bad includeObject. */
export function negotiateShape(
  accept: string,
  query: URLSearchParams,
  deps: ShapeDeps,
  limits: Limits = { hasProtobuf: true, hasTable: true },
): Shape {
  const offer = limits.hasProtobuf && limits.hasTable ? everything : offered(limits);
  const accepted = negotiate(accept, offer);
  if (accepted === undefined) throw notAcceptable(offer);
  const isPretty = accepted.isPretty || isPrettyQuery(query.get("pretty"));
  return new Shape({ ...accepted, isPretty }, includeObjectOf(query), deps);
}

const isPrettyQuery = (value: string | null): boolean => value !== null && value !== "false" && value !== "0";

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "";
  if (value === "") return "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequestError(
    `error parsing query parameters: unrecognized includeObject value: ${JSON.stringify(value)}`,
  );
}
