/** Headers of HTTP/2 as a request's head. RFC 9113, section 8 */
import type { IncomingHttpHeaders } from "node:http";
import type { Header } from "#wire/http2/hpack.ts";

export interface Http2Head {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** Of the body, as announced. */
  readonly contentLength: number | undefined;
}

/** upstream: nghttp2's default for what Node allows */
const headersMax = 1000;
const pseudoNames = new Set([":method", ":scheme", ":authority", ":path"]);
/** Of HTTP/1.1's connections. */
const connectionNames = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
/** Said twice, the first counts, as in Node. */
const singleNames = new Set(
  [
    "age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since",
    "last-modified location max-forwards proxy-authorization referer retry-after server user-agent",
  ].flatMap((names) => names.split(" ")),
);
const badName = /[^!#$%&'*+\-.^_`|~0-9a-z]/;
const badValue = /[\0\r\n]/;
const digits = /^\d{1,15}$/;

/** Undefined for what no client may send. */
export function http2HeadOf(sent: readonly Header[]): Http2Head | undefined {
  if (sent.length > headersMax) return undefined;
  const headers: Record<string, string> = {};
  const rawHeaders: string[] = [];
  let isPastPseudo = false;
  for (const { name, value } of sent) {
    const isPseudo = name.charCodeAt(0) === colon;
    if (isPseudo ? isPastPseudo || !isPseudoName(name, headers) : !isName(name, value)) return undefined;
    if (badValue.test(value)) return undefined;
    isPastPseudo = !isPseudo;
    add(headers, name, value);
    rawHeaders.push(name, value);
  }
  return finished(headers, rawHeaders);
}

function finished(headers: Record<string, string>, rawHeaders: readonly string[]): Http2Head | undefined {
  const { ":method": method = "", ":path": url = "", ":scheme": scheme } = headers;
  // A tunnel has neither path nor scheme.
  const isWhole = method === "CONNECT" || (method !== "" && url !== "" && scheme !== undefined);
  const announced = headers["content-length"];
  if (!isWhole || (announced !== undefined && !digits.test(announced))) return undefined;
  const contentLength = announced === undefined ? undefined : Number(announced);
  return { method, url, headers, rawHeaders, contentLength };
}

const isPseudoName = (name: string, before: object): boolean =>
  pseudoNames.has(name) && !Object.hasOwn(before, name);

const isName = (name: string, value: string): boolean =>
  name !== "" && !badName.test(name) && !connectionNames.has(name) && (name !== "te" || value === "trailers");

const colon = 0x3a;

function add(headers: Record<string, string>, name: string, value: string): void {
  // No header is called like what every object has: a name is in lower case, and "__proto__" is one word of its own.
  const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (name === "__proto__") return;
  if (before === undefined) headers[name] = value;
  else if (!singleNames.has(name)) headers[name] = before + (name === "cookie" ? "; " : ", ") + value;
}
