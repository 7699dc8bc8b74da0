/** Media types of requests and answers. upstream: apiserver/pkg/endpoints/handlers/negotiation */
import type { PatchMediaType } from "./semantics.ts";

export const jsonMediaType = "application/json";
export const yamlMediaType = "application/yaml";
export const protobufMediaType = "application/vnd.kubernetes.protobuf";

/** Without parameters, in lower case; JSON when the client says nothing. */
export function mediaTypeOf(contentType: string): string {
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  return type === "" ? jsonMediaType : type;
}

export const patchMediaTypes: readonly PatchMediaType[] = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

export const isPatchMediaType = (type: string): type is PatchMediaType =>
  (patchMediaTypes as readonly string[]).includes(type);

/** What a client would like to have. */
export interface Accepted {
  readonly mediaType: typeof jsonMediaType | typeof protobufMediaType | typeof yamlMediaType;
  /** Table, PartialObjectMetadata(List): another shape of the same content. */
  readonly as: string;
  /** "v1", "v1beta1"; of the shape. */
  readonly version: string;
  readonly isPretty: boolean;
}

interface Clause {
  /** "application/json", "application/*", any */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Clients say the same few things all the time. */
const parsed = new Map<string, readonly Clause[]>();
const parsedMax = 100;
/** What is longer nobody says twice, and it isn't worth its place. */
const parsedLengthMax = 1024;

/** Clauses in order of preference: quality first, then what is said exactly, then as written. */
export function parseAccept(accept: string): readonly Clause[] {
  const before = parsed.get(accept);
  if (before !== undefined) return before;
  const clauses = sorted(accept.split(",").flatMap(clauseOf));
  if (accept.length > parsedLengthMax) return clauses;
  if (parsed.size >= parsedMax) parsed.clear();
  parsed.set(accept, clauses);
  return clauses;
}

/** None for what isn't a media type. upstream: github.com/munnerz/goautoneg */
function clauseOf(text: string): readonly Clause[] {
  const [range = "", ...rest] = text.split(";");
  const [type = "", subtype = "", ...more] = range.split("/").map((part) => part.trim());
  if (more.length > 0 || (subtype === "" && type !== "*")) return [];
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const pair of rest) {
    const [name = "", value = "", ...beyond] = pair.split("=").map((part) => part.trim());
    if (value === "" || beyond.length > 0) continue;
    if (name === "q") quality = qualityOf(value);
    else parameters.set(name, value);
  }
  return [{ type: `${type}/${subtype === "" ? "*" : subtype}`, parameters, quality }];
}

function qualityOf(text: string): number {
  const quality = Number(text);
  return Number.isNaN(quality) ? 0 : quality;
}

/** Up to so many Go's sort goes by insertion. upstream: Go's sort/zsortinterface.go */
const insertionMax = 12;

/**
 * Upstream's order isn't one that a sort could be given: a wildcard gives way to what is said exactly, whatever their
 * qualities, but only where they meet. So it is its sort, too, for as many as clients send that mean it. By insertion,
 * a header's worth of clauses would hold up everybody.
 */
function sorted(clauses: readonly Clause[]): readonly Clause[] {
  if (clauses.length > insertionMax) {
    return clauses.toSorted((a, b) => Number(isBefore(b, a)) - Number(isBefore(a, b)));
  }
  const order = [...clauses];
  for (let end = 1; end < order.length; end++) {
    for (let at = end; at > 0; at--) {
      const [left, right] = [order[at - 1], order[at]] as [Clause, Clause];
      if (!isBefore(right, left)) break;
      order[at - 1] = right;
      order[at] = left;
    }
  }
  return order;
}

function isBefore(a: Clause, b: Clause): boolean {
  if (a.quality > b.quality) return true;
  if (!a.type.startsWith("*/") && b.type.startsWith("*/")) return true;
  return !a.type.endsWith("/*") && b.type.endsWith("/*");
}

export interface Offer {
  readonly mediaTypes: readonly Accepted["mediaType"][];
  /** Of the objects themselves, where they have fewer forms than their shapes. */
  readonly plainMediaTypes?: readonly Accepted["mediaType"][];
  /** Shapes that this answer can take, with the versions of each. */
  readonly shapes: ReadonlyMap<string, readonly string[]>;
  /** Theirs; "meta.k8s.io" where nothing is said. */
  readonly shapeGroup?: string;
  /** Versions of the server's own types that may be asked for with "sv". */
  readonly serverVersions: readonly string[];
}

/** What a watch can be written in: YAML has no stream. */
export const streamMediaTypes: readonly string[] = [jsonMediaType, protobufMediaType];

/** The first clause that can be served; undefined when there is none (406). */
export function negotiate(accept: string, offer: Offer): Accepted | undefined {
  const clauses = accept === "" ? parseAccept("*/*") : parseAccept(accept);
  for (const { type, parameters } of clauses) {
    for (const mediaType of offer.mediaTypes) {
      if (!fits(type, mediaType) || !allows(offer, mediaType, parameters)) continue;
      const as = parameters.get("as") ?? "";
      const version = parameters.get("v") ?? "";
      return { mediaType, as, version, isPretty: parameters.get("pretty") === "1" };
    }
  }
  return undefined;
}

function allows(
  { shapes, shapeGroup = "meta.k8s.io", plainMediaTypes, serverVersions }: Offer,
  mediaType: Accepted["mediaType"],
  parameters: Clause["parameters"],
): boolean {
  const stream = parameters.get("stream");
  if (stream !== undefined && (stream !== "watch" || !streamMediaTypes.includes(mediaType))) return false;
  const serverVersion = parameters.get("sv");
  if (serverVersion !== undefined && !serverVersions.includes(serverVersion)) return false;
  const isPlain = !["as", "g", "v"].some((name) => parameters.has(name));
  if (isPlain) return plainMediaTypes?.includes(mediaType) !== false;
  const as = parameters.get("as") ?? "";
  // Tables have no protobuf form.
  if (as === "Table" && mediaType === protobufMediaType) return false;
  const isKnown = shapes.get(as)?.includes(parameters.get("v") ?? "") === true;
  return isKnown && parameters.get("g") === shapeGroup;
}

function fits(pattern: string, type: string): boolean {
  if (pattern === type || pattern === "*/*") return true;
  return pattern.endsWith("/*") && type.startsWith(pattern.slice(0, -1));
}
