/** What headers say of users. */
import type { HeaderValues } from "./authenticator.ts";

/** Of one header, each by itself. They come byte by byte, and are meant as UTF-8, as Go takes them. */
export function valuesOf(headers: HeaderValues, name: string): readonly string[] {
  const value = headers[name];
  if (value === undefined) return [];
  return (typeof value === "string" ? [value] : value).map((each) =>
    Buffer.from(each, "latin1").toString("utf8"),
  );
}

/** Keys are percent-encoded, since header names can't hold a slash; what can't be decoded is taken as it is. */
export function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
