/** URLs as Go reads them, and what it says of those it can't. upstream: Go's net/url */
import { goQuote } from "./go-quote.ts";

/** Texts are bytes of UTF-8, one a character, but for what is said otherwise. */
export interface GoUrl {
  /** In lower case; "" without one. */
  readonly scheme: string;
  /** Of "mailto:x": what follows a scheme and is no path. */
  readonly opaque: string;
  /** What stands before the host and its @; undefined without one. */
  readonly user: string | undefined;
  /** With its port and brackets; in UTF-16. */
  readonly host: string;
  readonly path: string;
  /** As it was written, where that isn't as Go would write it. */
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly fragment: string;
}

/** What stands after `parse "…": `. */
export class UrlFault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const textOf = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

/** url.Parse. */
export function parseUrl(text: string): GoUrl | UrlFault {
  const [url = "", ...rest] = bytesOf(text).split("#");
  const parsed = parse(url, false);
  if (parsed instanceof UrlFault) return parsed;
  const fragment = unescaped(rest.join("#"));
  return fragment instanceof UrlFault ? fragment : { ...parsed, fragment };
}

/** url.ParseRequestURI: absolute, or a path from the root; a fragment is none. */
export const parseRequestUri = (text: string): GoUrl | UrlFault => parse(bytesOf(text), true);

/** URL.EscapedPath. */
export function escapedPath({ path, rawPath }: GoUrl): string {
  const isGood = rawPath !== "" && !/[^\w.~!$&'()*+,;=:@[\]%/-]/.test(rawPath);
  if (isGood || path === "*") return isGood ? rawPath : path;
  return escaped(path);
}

/** URL.Hostname and URL.Port. */
export function hostAndPort({ host }: GoUrl): readonly [hostname: string, port: string] {
  const [, name = "", port = ""] = /^(.*):(\d*)$/s.exec(host) ?? [undefined, host];
  return [/^\[.*\]$/s.test(name) ? name.slice(1, -1) : name, port];
}

/** URL.Query: pairs that can't be read are left out. In UTF-16. */
export function queryOf({ rawQuery }: GoUrl): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const pair of rawQuery.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const [name = "", ...rest] = pair.replaceAll("+", " ").split("=");
    const [key, value] = [unescaped(name), unescaped(rest.join("="))];
    if (key instanceof UrlFault || value instanceof UrlFault) continue;
    const values = found.get(textOf(key)) ?? [];
    values.push(textOf(value));
    found.set(textOf(key), values);
  }
  return found;
}

const nothing: GoUrl = {
  scheme: "",
  opaque: "",
  user: undefined,
  host: "",
  path: "",
  rawPath: "",
  rawQuery: "",
  fragment: "",
};

function parse(text: string, isRequest: boolean): GoUrl | UrlFault {
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\0-\x1f\x7f]/.test(text)) return new UrlFault("net/url: invalid control character in URL");
  if (text === "" && isRequest) return new UrlFault("empty url");
  if (text === "*") return { ...nothing, path: text };
  if (text.startsWith(":")) return new UrlFault("missing protocol scheme");
  const [, found = "", hierarchy = text] = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  const scheme = found.toLowerCase();
  const [before = "", ...after] = hierarchy.split("?");
  const rest = before.startsWith("/")
    ? placed(before, scheme !== "" || (!isRequest && !before.startsWith("///")))
    : unplaced(before, scheme, isRequest);
  return rest instanceof UrlFault ? rest : { ...nothing, ...rest, scheme, rawQuery: after.join("?") };
}

/** What begins with a slash. */
function placed(text: string, mayHaveHost: boolean): Partial<GoUrl> | UrlFault {
  const [, authority = "", written = ""] = (mayHaveHost ? /^\/\/([^/]*)(.*)$/s.exec(text) : undefined) ?? [
    undefined,
    "",
    text,
  ];
  const place = placeOf(authority);
  if (place instanceof UrlFault) return place;
  const path = unescaped(written);
  if (path instanceof UrlFault) return path;
  return { ...place, path, rawPath: escaped(path) === written ? "" : written };
}

/** What doesn't. */
function unplaced(text: string, scheme: string, isRequest: boolean): Partial<GoUrl> | UrlFault {
  if (scheme !== "") return { opaque: text };
  if (isRequest) return new UrlFault("invalid URI for request");
  if (/^[^/]*:/.test(text)) return new UrlFault("first path segment in URL cannot contain colon");
  return placed(text, false);
}

function placeOf(authority: string): Pick<GoUrl, "user" | "host"> | UrlFault {
  const at = authority.lastIndexOf("@");
  const host = hostOf(authority.slice(at + 1));
  if (host instanceof UrlFault) return host;
  if (at < 0) return { user: undefined, host: textOf(host) };
  const user = authority.slice(0, at);
  if (/[^\w.~!$&'()*+,;=:@%-]/.test(user)) return new UrlFault("net/url: invalid userinfo");
  const read = unescaped(user);
  return read instanceof UrlFault ? read : { user, host: textOf(host) };
}

function hostOf(host: string): string | UrlFault {
  const isLiteral = host.startsWith("[");
  const end = host.lastIndexOf("]");
  if (isLiteral && end < 0) return new UrlFault("missing ']' in host");
  const colon = host.lastIndexOf(":");
  const port = isLiteral ? host.slice(end + 1) : colon < 0 ? "" : host.slice(colon);
  if (!/^(?::\d*)?$/.test(port)) return new UrlFault(`invalid port ${goQuote(port)} after host`);
  // Of ASCII only the percent sign itself may be escaped, before a zone.
  const [escape] = /%(?:[0-7](?!5)[0-9a-fA-F]|[013-7]5)/.exec(host) ?? [];
  if (escape !== undefined) return new UrlFault(`invalid URL escape ${goQuote(escape)}`);
  const [bad] = /[^\w.~!$&'()*+,;=:[\]<>"%\x80-\xff-]/.exec(host) ?? [];
  if (bad !== undefined) return new UrlFault(`invalid character ${goQuote(bad)} in host name`);
  return unescaped(host);
}

function unescaped(text: string): string | UrlFault {
  const [bad] = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text) ?? [];
  if (bad !== undefined) return new UrlFault(`invalid URL escape ${goQuote(bad)}`);
  return text.replaceAll(/%(..)/gs, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const escaped = (path: string): string =>
  path.replaceAll(
    /[^\w.~$&+,/:;=@-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
