/**
 * The answer of a pod, a service, a node or another server of the API, as a client behind this server's paths can use it: redirections and links to
 * the backend itself lead through the proxy, and it doesn't say who else may use this server's paths.
 * upstream: apimachinery/pkg/util/proxy/{transport,upgradeaware}.go
 */
import type { IncomingMessage } from "node:http";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { deflateRaw, gunzip, gzip, inflateRaw } from "node:zlib";
import { internalError, serviceUnavailableError } from "#api/meta/status.ts";
import type { RawAnswer } from "#apiserver/request/call.ts";
import { passOn } from "./backend.ts";
import { rewriteLinks } from "./html-links.ts";

export interface ProxyPlace {
  /** Of this server, up to …/proxy. */
  readonly prefix: string;
  /** "10.0.0.1:80": how the backend may call itself. */
  readonly backendHost: string;
  /** What the client calls this server; the backend has heard it. */
  readonly clientHost: string;
}

const corsHeaders = [
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
];

/** A page is held in memory while its links are changed. */
const pageBytesMax = 32 << 20;

/** Throws 500 for a redirection that leads nowhere, 503 for a page that is too big or can't be unpacked. */
export async function proxiedAnswer(response: IncomingMessage, place: ProxyPlace): Promise<RawAnswer> {
  const answer = passOn(response);
  const headers = Object.fromEntries(
    Object.entries(answer.headers).filter(([name]) => !corsHeaders.includes(name)),
  );
  const location = response.headers.location ?? "";
  if (location !== "") {
    const parts = linkParts(location);
    if (parts === undefined) {
      response.destroy();
      throw internalError(`failed to parse Location header: ${location}`);
    }
    return { ...answer, headers: { ...headers, location: rewritten(parts, place) } };
  }
  const [type = ""] = (response.headers["content-type"] ?? "").split(";");
  const coding = codings.get(response.headers["content-encoding"] ?? "");
  if (type.trim() !== "text/html" || coding === undefined) return { ...answer, headers };
  const body = await withNewLinks(response, coding, place);
  // As a stream: what is passed on isn't packed here.
  const length = { "content-length": String(body.length) };
  return { ...answer, headers: { ...headers, ...length }, body: Readable.from([body]) };
}

interface Coding {
  unpack(bytes: Buffer): Promise<Buffer>;
  pack(bytes: Buffer): Promise<Buffer>;
}

const limited = { maxOutputLength: pageBytesMax };
const callback =
  (done: PromiseWithResolvers<Buffer>) =>
  (error: Error | null, bytes: Buffer): void => {
    if (error === null) done.resolve(bytes);
    else done.reject(error);
  };

function packed(run: (done: ReturnType<typeof callback>) => void): Promise<Buffer> {
  const done = Promise.withResolvers<Buffer>();
  run(callback(done));
  return done.promise;
}

/** A page in another coding is passed on as it is. */
const codings: ReadonlyMap<string, Coding> = new Map([
  ["", { unpack: (bytes) => Promise.resolve(bytes), pack: (bytes) => Promise.resolve(bytes) }],
  [
    "gzip",
    {
      unpack: (bytes) =>
        packed((done) => {
          gunzip(bytes, limited, done);
        }),
      pack: (bytes) =>
        packed((done) => {
          gzip(bytes, done);
        }),
    },
  ],
  [
    "deflate",
    {
      unpack: (bytes) =>
        packed((done) => {
          inflateRaw(bytes, limited, done);
        }),
      pack: (bytes) =>
        packed((done) => {
          deflateRaw(bytes, done);
        }),
    },
  ],
]);

async function withNewLinks(response: IncomingMessage, coding: Coding, place: ProxyPlace): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > pageBytesMax) {
      throw serviceUnavailableError(
        `error trying to reach service: the page is longer than ${pageBytesMax} bytes`,
      );
    }
    chunks.push(chunk);
  }
  if (size === 0) return Buffer.alloc(0);
  let page: Buffer;
  try {
    page = await coding.unpack(Buffer.concat(chunks));
  } catch {
    throw serviceUnavailableError("error trying to reach service: the page can't be unpacked");
  }
  // Bytes, whatever the page's charset: links are of ASCII.
  const pieces = rewriteLinks(page.toString("latin1"), (link) => {
    const parts = linkParts(link);
    return parts === undefined ? link : rewritten(parts, place);
  });
  const done: Buffer[] = [];
  for (const piece of pieces) {
    done.push(Buffer.from(piece, "latin1"));
    // Pages are somebody else's: a long one isn't to hold up everybody.
    await nextTurn();
  }
  return coding.pack(Buffer.concat(done));
}

interface LinkParts {
  readonly scheme: string;
  /** Undefined when there is none; "" is one, too. */
  readonly host: string | undefined;
  readonly path: string;
  /** Query and fragment. */
  readonly rest: string;
}

const linkPattern = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is;

/** Undefined for what Go takes for no URL. */
function linkParts(link: string): LinkParts | undefined {
  // oxlint-disable-next-line no-control-regex -- these make it none
  const isNone = /[\x00-\x20\x7f]/.test(link) || /%(?![0-9a-f]{2})/i.test(link.replace(/[?#].*$/s, ""));
  if (isNone) return undefined;
  const [, scheme = "", host, path = "", rest = ""] = linkPattern.exec(link) ?? [];
  return { scheme, host, path, rest };
}

/** What leads to the backend leads through the proxy; what leads elsewhere, or is relative, stays. */
function rewritten(link: LinkParts, { prefix, backendHost, clientHost }: ProxyPlace): string {
  const host = link.host?.replace(/^.*@/, "") ?? "";
  const isElsewhere = host !== "" && host !== backendHost && host !== clientHost;
  if (isElsewhere || !link.path.startsWith("/")) return textOf(link);
  const own = host !== "" && host === clientHost ? link : { ...link, scheme: "", host: undefined };
  return textOf(link.path.startsWith(prefix) ? own : { ...own, path: posix.join(prefix, link.path) });
}

const textOf = ({ scheme, host, path, rest }: LinkParts): string =>
  `${scheme === "" ? "" : `${scheme}:`}${host === undefined ? "" : `//${host}`}${path}${rest}`;
