/** Whom a request is from, in the headers that a front proxy tells it by. upstream: client-go/transport/round_trippers.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";

/** RFC 7230's tokens but "%", which escapes the others. */
const plain = /[A-Za-z0-9!#$&'*+.^_`|~-]/;

export function remoteHeaders({
  name,
  uid = "",
  groups,
  extra = {},
}: UserInfo): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = { "X-Remote-User": headerValue(name) };
  if (uid !== "") headers["X-Remote-Uid"] = headerValue(uid);
  if (groups.length > 0) headers["X-Remote-Group"] = groups.map(headerValue);
  for (const [key, values] of Object.entries(extra)) {
    if (values.length > 0) headers[`X-Remote-Extra-${escapeKey(key)}`] = values.map(headerValue);
  }
  return headers;
}

const escapeKey = (key: string): string =>
  [...Buffer.from(key, "utf8")]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return plain.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");

/** Node writes a character per byte; Go sends the name's own bytes. */
const headerValue = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
