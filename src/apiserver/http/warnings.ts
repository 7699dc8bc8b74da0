/**
 * Warnings as headers. Clients don't take heads of any length: what is long is told in part.
 * upstream: apiserver/pkg/endpoints/filters/warning.go, apimachinery/pkg/util/net NewWarningHeader
 */

/** Of all warnings together, in characters: beyond, each is cut, and what comes later isn't told. */
const totalMax = 4096;
const beginning = /^.{0,256}/su;

/** Without those that have control characters. */
export function warningHeaders(texts: Iterable<string>): string[] {
  const told = [...texts].filter((text) => text !== "" && !/\p{Cc}/u.test(text));
  if (told.reduce((sum, text) => sum + lengthOf(text), 0) <= totalMax) return told.map(headerOf);
  const headers: string[] = [];
  let total = 0;
  for (const text of told) {
    if (total >= totalMax) break;
    const [cut = ""] = beginning.exec(text) ?? [];
    headers.push(headerOf(cut));
    total += lengthOf(cut);
  }
  return headers;
}

/** In characters, not in their halves. */
const lengthOf = (text: string): number =>
  text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);

/** UTF-8 as the bytes that Node writes header values in. */
function headerOf(text: string): string {
  const quoted = `299 - "${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return Buffer.from(quoted, "utf8").toString("latin1");
}
