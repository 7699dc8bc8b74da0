/** Text in quotes, as Go's %q writes it. upstream: Go's strconv (Quote), unicode (IsPrint) */

/** What may be written otherwise than it is. */
const special = /[^ !#-[\]-~]/gu;
/** What package time writes otherwise: runs of it, as texts can be long. */
const quotedByBytes = /["\\]|[^ -\u{7f}]+/gu;
const byteTexts = Array.from({ length: 256 }, (_, byte) => `\\x${byte.toString(16).padStart(2, "0")}`);
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** What is written with a letter behind a backslash. */
export const goEscapes: ReadonlyMap<string, string> = new Map([
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

/** Of one character; of all kinds of space only the common one is. */
export const isPrintable = (char: string): boolean => printable.test(char);

function escaped(char: string): string {
  const known = goEscapes.get(char);
  if (known !== undefined) return known;
  if (isPrintable(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xff_ff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

export const goQuote = (text: string): string => `"${text.toWellFormed().replaceAll(special, escaped)}"`;

/** As Go's package time quotes: what isn't ASCII by its bytes. upstream: Go's time/format.go (quote) */
export function quoteBytes(text: string): string {
  const shown = text.toWellFormed().replaceAll(quotedByBytes, (run) => {
    if (run === '"' || run === "\\") return `\\${run}`;
    let bytes = "";
    for (const byte of Buffer.from(run)) bytes += byteTexts[byte];
    return bytes;
  });
  return `"${shown}"`;
}
