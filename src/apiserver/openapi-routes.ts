/** /openapi/v3 and the documents below it. upstream: kube-openapi/pkg/handler3/handler.go */
import type { OpenApiAnswer, OpenApiV3 } from "./openapi/v3.ts";
import type { Answer, ApiCall } from "./request/call.ts";
import { jsonMediaType } from "./request/media-type.ts";

const root = "/openapi/v3";

export function openApiRoute(call: ApiCall, documents: OpenApiV3): Answer | undefined {
  const { path } = call;
  if (path === root || path === `${root}/`) return served(call, documents.root(), false);
  if (!path.startsWith(`${root}/`)) return undefined;
  const document = documents.document(path.slice(root.length + 1));
  if (document === undefined) return undefined;
  const asked = call.query.get("hash");
  if (asked !== null && asked !== document.hash) {
    return { kind: "raw", status: 301, headers: { location: `${path}?hash=${document.hash}` }, body: "" };
  }
  return served(call, document, asked !== null);
}

/** A document asked for by its hash never changes. */
function served(call: ApiCall, { etag, body }: OpenApiAnswer, isImmutable: boolean): Answer {
  const headers = {
    etag,
    vary: "Accept-Encoding, Accept",
    "cache-control": isImmutable ? "public, immutable" : "no-cache, private",
    "content-type": jsonMediaType,
  };
  return call.header("if-none-match") === etag
    ? { kind: "raw", status: 304, headers, body: "" }
    : { kind: "raw", status: 200, headers, body };
}
