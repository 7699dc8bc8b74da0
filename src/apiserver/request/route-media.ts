/**
 * What the router in front of the handlers of built-in resources asks of media types: it compares words, where handlers
 * negotiate. Custom resources have no such router.
 * upstream: go-restful: route.go, jsr311.go (detectRoute); apiserver/pkg/endpoints/installer.go (Consumes, Produces)
 */
import { failure } from "#api/meta/status.ts";
import { trim } from "#base/trim.ts";
import type { ApiCall } from "./call.ts";
import type { RequestInfo } from "./info.ts";
import {
  jsonMediaType,
  patchMediaTypes,
  protobufMediaType,
  streamMediaTypes,
  yamlMediaType,
} from "./media-type.ts";
import { applyMediaType } from "./semantics.ts";

const objectTypes: readonly string[] = [jsonMediaType, yamlMediaType, protobufMediaType];
const listTypes: readonly string[] = [
  ...objectTypes,
  ...streamMediaTypes.map((type) => `${type};stream=watch`),
];
const patchTypes: readonly string[] = [...patchMediaTypes, applyMediaType];

/** Each by itself, without parameters. */
const wordsOf = (header: string): readonly string[] =>
  header.split(",").map((type) => trim(type.split(";", 1)[0] ?? "", " "));

function producedBy({ verb, subresource }: Pick<RequestInfo, "verb" | "subresource">): readonly string[] {
  if (subresource === "log") return ["text/plain", ...objectTypes];
  return verb === "list" || verb === "watch" ? listTypes : objectTypes;
}

/** Throws 415 or 406. */
export function assertRoutable(
  call: Pick<ApiCall, "header" | "body">,
  info: Pick<RequestInfo, "verb" | "subresource">,
): void {
  if (info.verb === "patch") assertPatch(call.body.contentType);
  assertProduced(call.header("accept"), producedBy(info));
}

function assertPatch(contentType: string): void {
  if (wordsOf(contentType).some((type) => patchTypes.includes(type))) return;
  throw failure({
    code: 415,
    reason: "UnsupportedMediaType",
    message: "415: Unsupported Media Type",
    details: {},
  });
}

/** Throws 406. */
export function assertProduced(accept: string, produced: readonly string[] = objectTypes): void {
  if (accept === "" || wordsOf(accept).some((type) => type === "*/*" || produced.includes(type))) return;
  throw failure({
    code: 406,
    reason: "NotAcceptable",
    message: `406: Not Acceptable\n\nAvailable representations: ${produced.join(", ")}`,
    details: {},
  });
}
