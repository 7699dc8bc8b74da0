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
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Clients say the same few things all the time. */
const parsed = new Map<string, readonly Clause[]>();
const parsedMax = 100;

/** Clauses in order of preference: quality first, then as written. */
export function parseAccept(accept: string): readonly Clause[] {
  const before = parsed.get(accept);
  if (before !== undefined) return before;
  const clauses = clausesOf(accept);
  if (parsed.size >= parsedMax) parsed.clear();
  parsed.set(accept, clauses);
  return clauses;
}

function clausesOf(accept: string): readonly Clause[] {
  return accept
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part): Clause => {
      const [type = "", ...rest] = part.split(";");
      const parameters = new Map(
        rest.map((pair) => {
          const [name = "", value = ""] = pair.split("=");
          return [name.trim().toLowerCase(), value.trim()] as const;
        }),
      );
      const quality = Number(parameters.get("q") ?? "1");
      return { type: type.trim().toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
    })
    .toSorted((a, b) => b.quality - a.quality);
}

export interface Offer {
  readonly mediaTypes: readonly Accepted["mediaType"][];
  /** Of the objects themselves, where they have fewer forms than their shapes. */
  readonly plainMediaTypes?: readonly Accepted["mediaType"][];
  /** Shapes that this answer can take, with the versions of each. */
  readonly shapes: ReadonlyMap<string, readonly string[]>;
}

/** The first clause that can be served; undefined when there is none (406). */
export function negotiate(accept: string, offer: Offer): Accepted | undefined {
  const clauses = accept === "" ? parseAccept("*/*") : parseAccept(accept);
  for (const { type, parameters } of clauses) {
    const mediaType = offer.mediaTypes.find((offered) => fits(type, offered));
    if (mediaType === undefined) continue;
    const as = parameters.get("as") ?? "";
    const version = parameters.get("v") ?? "";
    if (as === "" && offer.plainMediaTypes?.includes(mediaType) === false) continue;
    // Tables have no protobuf form.
    if (as === "Table" && mediaType === protobufMediaType) continue;
    if (as !== "") {
      if (parameters.get("g") !== "meta.k8s.io" || offer.shapes.get(as)?.includes(version) !== true) continue;
    }
    return { mediaType, as, version, isPretty: parameters.get("pretty") === "1" };
  }
  return undefined;
}

function fits(pattern: string, type: string): boolean {
  if (pattern === type || pattern === "*/*") return true;
  return pattern.endsWith("/*") && type.startsWith(pattern.slice(0, -1));
}
