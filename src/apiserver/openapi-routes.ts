/** /openapi/v2, /openapi/v3 and the documents below it. upstream: kube-openapi/pkg/{handler,handler3}/handler.go */
import { failure } from "#api/meta/status.ts";
import { httpDate } from "#base/clock.ts";
import { OpenApiV2 } from "./openapi/v2.ts";
import { OpenApiV3, type OpenApiAnswer, type OpenApiSource } from "./openapi/v3.ts";
import type { Answer, ApiCall } from "./request/call.ts";
import { jsonMediaType, parseAccept } from "./request/media-type.ts";

const root = "/openapi/v3";
const yearMs = 365 * 24 * 3600 * 1000;

/** What clients ask for, and what the answer calls itself: Go's own parser refuses the "@". */
const protobufAccepted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const protobufContentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const jsonAccepted = new Set([jsonMediaType, "application/*", "*/*"]);

export class OpenApiRoutes {
  readonly #v2: OpenApiV2;
  readonly #v3: OpenApiV3;
  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(sources: () => readonly OpenApiSource[], now: () => number) {
    this.#now = now;
    this.#v2 = new OpenApiV2(sources);
    this.#v3 = new OpenApiV3(sources);
  }

  /** Undefined for a path that isn't there; below the third version's, that is said without a word. Throws 406. */
  answer(call: ApiCall): Answer | undefined {
    const { path } = call;
    if (path === "/openapi/v2") return this.#version2(call);
    if (path === root) return served(call, this.#v3.root(), {});
    if (!path.startsWith(`${root}/`)) return undefined;
    const document = this.#v3.document(path.slice(root.length + 1));
    if (document === undefined) return { kind: "raw", status: 404, headers: {}, body: "" };
    const asked = call.query.get("hash");
    if (asked !== null && asked !== document.hash) {
      return { kind: "raw", status: 301, headers: { location: `${path}?hash=${document.hash}` }, body: "" };
    }
    return served(call, document, asked === null ? {} : { expires: httpDate(this.#now() + yearMs) });
  }

  #version2(call: ApiCall): Answer {
    const accept = call.header("accept");
    for (const { type } of parseAccept(accept === "" ? "*/*" : accept)) {
      if (type === protobufAccepted || type === protobufContentType) {
        return served(call, this.#v2.protobuf(), { contentType: protobufContentType });
      }
      if (jsonAccepted.has(type)) return served(call, this.#v2.json(), {});
    }
    throw failure({
      code: 406,
      reason: "NotAcceptable",
      message: `only the following media types are accepted: ${jsonMediaType}, ${protobufContentType}`,
    });
  }
}

/** A document asked for by its hash never changes. */
function served(
  call: ApiCall,
  { etag, body }: OpenApiAnswer,
  { contentType = jsonMediaType, expires }: { contentType?: string; expires?: string },
): Answer {
  const headers = {
    etag,
    vary: "Accept-Encoding, Accept",
    "cache-control": expires === undefined ? "no-cache, private" : "public, immutable",
    "content-type": contentType,
    ...(expires === undefined ? {} : { expires }),
  };
  return call.header("if-none-match") === etag
    ? { kind: "raw", status: 304, headers, body: "" }
    : { kind: "raw", status: 200, headers, body };
}
