/**
 * How an answer is to look: its media type and shape, negotiated once per request.
 * upstream: apiserver/pkg/endpoints/handlers/negotiation/negotiate.go
 */
import { goJson, inKeyOrder } from "#api/codec/go-json.ts";
import type { Around, ProtobufCodec } from "#api/codec/protobuf.ts";
import { formatYaml } from "#api/codec/yaml.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind, type ListMeta } from "#api/meta/object.ts";
import type { ShownKind } from "#api/meta/printer.ts";
import { badRequestError, failure, type StatusError } from "#api/meta/status.ts";
import {
  jsonMediaType,
  negotiate,
  protobufMediaType,
  streamMediaTypes,
  yamlMediaType,
  type Accepted,
  type Offer,
} from "#apiserver/request/media-type.ts";
import { inOrder, partialOf, tableOf, type IncludeObject } from "./table.ts";

const metaVersions = ["v1", "v1beta1"];

const everything: Offer = {
  mediaTypes: [jsonMediaType, yamlMediaType, protobufMediaType],
  shapes: new Map([
    ["Table", metaVersions],
    ["PartialObjectMetadata", metaVersions],
    ["PartialObjectMetadataList", metaVersions],
  ]),
  serverVersions: ["v1"],
};

/** Of what isn't a resource, and of every failure. */
const plainly: Offer = { mediaTypes: everything.mediaTypes, shapes: new Map(), serverVersions: [] };

const notAcceptable = (mediaTypes: readonly string[]): StatusError =>
  failure({
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${mediaTypes.join(", ")}`,
  });

/** As the API writes it: pretty for people, who may be pasting it somewhere, and with its line's end for programs. */
export const jsonText = (value: unknown, isPretty: boolean): string =>
  isPretty ? goJson(value, 2) : `${goJson(value)}\n`;

/** An event's length comes before it. */
const protobufFrameBytes = 4;

export interface ShapeDeps {
  readonly protobuf: ProtobufCodec;
  readonly now: () => number;
  /** With what clients see of fields that nobody set. */
  readonly written: (object: AnyObject, kind: GroupVersionKind) => AnyObject;
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
    return this.isObjectJson && !this.accepted.isPretty;
  }

  /** JSON of the objects themselves. In a watch it is never pretty. */
  get isObjectJson(): boolean {
    return this.accepted.mediaType === jsonMediaType && this.accepted.as === "";
  }

  contentType(isWatch: boolean): string {
    const { mediaType } = this.accepted;
    return isWatch && mediaType === protobufMediaType ? `${mediaType};stream=watch` : mediaType;
  }

  /** Whether what it encodes can be read as UTF-8. */
  get isText(): boolean {
    return this.accepted.mediaType !== protobufMediaType;
  }

  /** One object in the asked shape. `gvk` is the object's own. */
  shaped(object: AnyObject, gvk: ShownKind, withColumns = true): AnyObject {
    const { as, version } = this.accepted;
    if (as === "" || object.kind === "Status") return this.#written(object, gvk);
    if (as === "Table") {
      const metadata = listMetaOf(object);
      return tableOf([object], metadata, this.#tableOptions(gvk), withColumns);
    }
    return partialOf(object, gvk, version);
  }

  list(objects: readonly AnyObject[], metadata: ListMeta, list: ListType): AnyObject {
    const { as, version } = this.accepted;
    if (as === "Table") return tableOf(objects, metadata, this.#tableOptions(list));
    const items = objects.map((object) => this.item(object, list));
    if (as !== "") {
      return { kind: "PartialObjectMetadataList", apiVersion: `meta.k8s.io/${version}`, metadata, items };
    }
    if (list.isCustom) return customList(list, metadata, items);
    return { kind: list.listKind, apiVersion: apiVersionOf(list), metadata, items };
  }

  /** An object as it is shown in a list that is no table. */
  item(object: AnyObject, list: ListType): AnyObject {
    const { as, version, mediaType } = this.accepted;
    if (as !== "") return partialOf(object, list, version);
    // In protobuf there is no place for its type.
    if (list.isCustom || mediaType === protobufMediaType) return object;
    return untyped(this.#written(object, list));
  }

  /** A list in it is its items, one by one, and what is around them. */
  get isItemwise(): boolean {
    return this.accepted.as !== "Table" && this.accepted.mediaType !== yamlMediaType;
  }

  encode(object: AnyObject): Buffer {
    switch (this.accepted.mediaType) {
      case jsonMediaType:
        return Buffer.from(jsonText(object, this.accepted.isPretty), "utf8");
      case yamlMediaType:
        return Buffer.from(formatYaml(object), "utf8");
      case protobufMediaType:
        return this.#deps.protobuf.encode(object);
    }
  }

  /** In protobuf: one of the items of a list that is like this one. */
  encodeItem(list: AnyObject, item: AnyObject): Buffer {
    return this.#deps.protobuf.encodeItem(list, item);
  }

  /** In protobuf: what is around items of so many bytes in a list that has none yet. */
  encodeAround(list: AnyObject, itemsBytes: number): Around {
    return this.#deps.protobuf.encodeAround(list, itemsBytes);
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
      this.accepted.mediaType === yamlMediaType ? `---\n${formatYaml(event)}` : `${goJson(event)}\n`,
      "utf8",
    );
  }

  /** An encoded event without what parts it from the others, for who sends each by itself. */
  unframed(event: Buffer): Buffer {
    return this.isText ? event : event.subarray(protobufFrameBytes);
  }

  /** Whoever made a built-in object may have added to its metadata; custom resources are in their order. */
  #written(object: AnyObject, gvk: ShownKind): AnyObject {
    if (this.accepted.mediaType === protobufMediaType) return object;
    const whole = this.#deps.written(object, gvk);
    const { metadata } = whole;
    const isWritten = gvk.printer === undefined && whole.kind !== "Status";
    return isWritten && metadata !== undefined ? { ...whole, metadata: inOrder(metadata) } : whole;
  }

  #tableOptions(gvk: ShownKind): Parameters<typeof tableOf>[2] {
    return {
      gvk,
      version: this.accepted.version,
      includeObject: this.includeObject,
      nowMs: this.#deps.now(),
      written: (object) => this.#written(object, gvk),
    };
  }
}

export interface ListType extends ShownKind {
  readonly listKind: string;
  /** Of custom resources, whose items say what they are, as unstructured objects do. */
  readonly isCustom: boolean;
}

/** By key, as a map, and with a token even where it is empty. upstream: unstructured_list.go SetContinue */
function customList(
  list: Pick<ListType, "group" | "version" | "listKind">,
  metadata: ListMeta,
  items: readonly AnyObject[],
): AnyObject {
  return {
    apiVersion: apiVersionOf(list),
    items,
    kind: list.listKind,
    metadata: inKeyOrder({ continue: "", ...metadata }),
  };
}

/** As Go writes an object whose type its list knows. */
function untyped({ kind: _kind, apiVersion: _apiVersion, ...object }: AnyObject): AnyObject {
  return object;
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
  const { mediaTypes, shapes, serverVersions } = everything;
  return {
    mediaTypes,
    plainMediaTypes: mediaTypes.filter((type) => hasProtobuf || type !== protobufMediaType),
    shapes: new Map([...shapes].filter(([shape]) => hasTable || shape !== "Table")),
    serverVersions,
  };
}

/** What of a request says how it wants to be answered. */
export interface Wish {
  readonly accept: string;
  readonly query: URLSearchParams;
  /** Somebody may be reading it: a browser, or a tool that prints what it gets. */
  readonly isHuman: boolean;
}

/** upstream: isPrettyPrint */
export const isHumanAgent = (userAgent: string): boolean =>
  userAgent.startsWith("curl") || userAgent.startsWith("Wget") || userAgent.startsWith("Mozilla/5.0");

/** Throws 406 when nothing the client accepts can be served, 400 for a bad includeObject. */
export function negotiateShape(
  wish: Wish,
  deps: ShapeDeps,
  limits: Limits = { hasProtobuf: true, hasTable: true },
): Shape {
  const offer = limits.hasProtobuf && limits.hasTable ? everything : offered(limits);
  const accepted = negotiate(wish.accept, offer);
  if (accepted === undefined) throw notAcceptable(offer.mediaTypes);
  return shapeOf(accepted, wish, includeObjectOf(wish.query), deps);
}

/** Of what has one shape. Throws 406. */
export function negotiatePlain(wish: Wish, deps: ShapeDeps): Shape {
  const accepted = negotiate(wish.accept, plainly);
  if (accepted === undefined) throw notAcceptable(plainly.mediaTypes);
  return shapeOf(accepted, wish, "Metadata", deps);
}

/** What has one shape only for who asks for that; undefined: the client doesn't. */
export function negotiateOnly(offer: Offer, wish: Wish, deps: ShapeDeps): Shape | undefined {
  const accepted = negotiate(wish.accept, { ...offer, plainMediaTypes: [] });
  return accepted === undefined ? undefined : shapeOf(accepted, wish, "Metadata", deps);
}

/** Of a failure, which is told in any case. */
export function negotiateFailure(wish: Wish, deps: ShapeDeps): Shape {
  const accepted = negotiate(wish.accept, plainly);
  return accepted === undefined
    ? new Shape({ mediaType: jsonMediaType, as: "", version: "", isPretty: true }, "Metadata", deps)
    : shapeOf(accepted, wish, "Metadata", deps);
}

/** Throws 406 where there is no stream of that form. */
export function assertStreams({ accepted }: Shape): void {
  if (streamMediaTypes.includes(accepted.mediaType)) return;
  throw notAcceptable(streamMediaTypes.map((type) => `${type};stream=watch`));
}

function shapeOf(accepted: Accepted, wish: Wish, includeObject: IncludeObject, deps: ShapeDeps): Shape {
  const isPretty = accepted.isPretty || wishesPretty(wish);
  return new Shape({ ...accepted, isPretty }, includeObject, deps);
}

/** What Go reads as true. */
const truths = new Set(["1", "t", "T", "true", "TRUE", "True"]);

export function wishesPretty({ query, isHuman }: Wish): boolean {
  const asked = query.get("pretty") ?? "";
  return asked === "" ? isHuman : truths.has(asked);
}

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "";
  if (value === "") return "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequestError(
    `error parsing query parameters: unrecognized includeObject value: ${JSON.stringify(value)}`,
  );
}
