/**
 * /openapi/v2, /openapi/v3 and the documents below it.
 * upstream: kube-openapi/pkg/{handler,handler3}/handler.go, kube-aggregator/pkg/controllers/openapiv3/aggregator
 */
import { httpDate } from "#base/clock.ts";
import { contentAnswer } from "./http/content.ts";
import { OpenApiV2 } from "./openapi/v2.ts";
import { OpenApiV3, urlOf, type OpenApiAnswer, type OpenApiSource } from "./openapi/v3.ts";
import type { Answer, ApiCall } from "./request/call.ts";
import { jsonMediaType, parseAccept } from "./request/media-type.ts";

const root = "/openapi/v3";
const yearMs = 365 * 24 * 3600 * 1000;
const vary = "Accept-Encoding, Accept";

type Form = "json" | "protobuf";

/** What clients ask for, in the order of preference for who takes anything. Go's own parser refuses the "@". */
const formsOf = (version: "v2" | "v3"): ReadonlyMap<string, Form> =>
  new Map([
    [jsonMediaType, "json"],
    [protobufType(version), "protobuf"],
    [`application/com.github.proto-openapi.spec.${version}@v1.0+protobuf`, "protobuf"],
  ]);
const protobufType = (version: "v2" | "v3"): string =>
  `application/com.github.proto-openapi.spec.${version}.v1.0+protobuf`;

const forms = { v2: formsOf("v2"), v3: formsOf("v3") };

export class OpenApiRoutes {
  readonly #v2: OpenApiV2;
  readonly #v3: OpenApiV3;
  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(sources: () => readonly OpenApiSource[], now: () => number) {
    this.#now = now;
    this.#v2 = new OpenApiV2(sources, now);
    this.#v3 = new OpenApiV3(sources, now);
  }

  /** Undefined for a path that isn't there; below the third version's, that is said without a word. */
  answer(call: ApiCall): Answer | undefined {
    const { path } = call;
    if (path === "/openapi/v2") return this.#version2(call);
    if (path === root) {
      // It is made anew for everybody, of what is known at the moment.
      const contentType = "text/plain; charset=utf-8";
      return contentAnswer(call, { body: this.#v3.root(), modified: this.#now(), contentType }, {});
    }
    return path.startsWith(`${root}/`) ? this.#version3(call, path.slice(root.length + 1)) : undefined;
  }

  #version2(call: ApiCall): Answer {
    const form = wantedForm(call, "v2");
    if (form === undefined) return silent(406, { vary });
    const document = form === "json" ? this.#v2.json() : this.#v2.protobuf();
    return contentAnswer(call, contentOf(document, form, "v2"), { vary });
  }

  #version3(call: ApiCall, path: string): Answer {
    const known = this.#v3.document(path);
    if (known === undefined) return silent(404, {});
    const form = wantedForm(call, "v3");
    if (form === undefined) return silent(406, { vary });
    const content = contentOf(form === "json" ? known : (this.#v3.protobuf(path) ?? known), form, "v3");
    const asked = call.query.get("hash") ?? "";
    if (asked === "") return contentAnswer(call, content, { vary });
    if (asked !== known.hash) {
      const { etag, contentType } = content;
      return silent(301, { vary, etag, "content-type": contentType, location: urlOf(path, known.hash) });
    }
    // What is asked for by its hash never changes.
    return contentAnswer(call, content, {
      vary,
      "cache-control": "public, immutable",
      expires: httpDate(this.#now() + yearMs),
    });
  }
}

const silent = (status: number, headers: Readonly<Record<string, string>>): Answer => ({
  kind: "raw",
  status,
  headers,
  body: "",
});

const contentOf = ({ body, hash, modified }: OpenApiAnswer, form: Form, version: "v2" | "v3") => ({
  body,
  etag: `"${hash}"`,
  modified,
  contentType: form === "json" ? jsonMediaType : protobufType(version),
});

/** Undefined: none that the client takes. */
function wantedForm(call: ApiCall, version: "v2" | "v3"): Form | undefined {
  const accept = call.header("accept");
  for (const { type } of parseAccept(accept === "" ? "*/*" : accept)) {
    const known = type === "*/*" || type === "application/*" ? "json" : forms[version].get(type);
    if (known !== undefined) return known;
  }
  return undefined;
}
