/** Text in quotes, as Go's %q writes it. */
const escapes = new Map([
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** upstream: cel-go ext/strings.go quote() */
export function quote(text: string): string {
  return `"${Array.from(text.toWellFormed())
    .map((char) => escapes.get(char) ?? char)
    .join("")}"`;
}
