/** How Go writes a text in YAML: bare, in one sort of quotes or the other, or line by line. upstream: sigs.k8s.io/yaml goyaml.v2/{encode,emitterc}.go */

/** From here on a line is broken at its next space. */
const widthMax = 80;

/** What isn't printed as it is: control characters, tabs too, and everything beyond the basic plane. */
const special = /[^\n\x20-\x7e\x85\u2028\u2029\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const breaks = "\\n\\x85\\u2028\\u2029";
const bareFault = new RegExp(
  [
    "^(?:---|\\.\\.\\.)",
    "^[#,[\\]{}&*!|>'\"%@`]",
    "^[?-](?:[ \\t]|$)",
    ":(?:[ \\t]|$)",
    `[ \\t${breaks}]#`,
    "^ | $",
    `[${breaks}]`,
  ].join("|"),
);
/** A space after a line's end can't be told from what indents the line. */
const breakThenSpace = new RegExp(`[${breaks}] `);
const spaceThenBreak = new RegExp(` [${breaks}]`);

export interface ScalarPlace {
  /** Of lines that follow the first. */
  readonly indent: number;
  /** Where it begins, in characters. */
  readonly column: number;
  /** On one line, whatever happens. */
  readonly isKey: boolean;
}

/** `isOther`: bare, it would be read as something else than text. */
export function scalarText(value: string, isOther: boolean, place: ScalarPlace): string {
  const isSpecial = special.test(value);
  const isQuotable = !isSpecial && !spaceThenBreak.test(value) && !breakThenSpace.test(value);
  const isLines = value.includes("\n");
  if (isLines && !place.isKey && !isSpecial && !value.endsWith(" ") && !spaceThenBreak.test(value)) {
    return literal(value, place.indent);
  }
  if (isOther || isLines || isSpecial || !isQuotable) return doubleQuoted(value, place);
  if (bareFault.test(value)) return singleQuoted(value, place);
  return folded(value, place, { first: 0, last: value.length });
}

/** Each line by itself. Ends with a line's end where the text does. */
function literal(value: string, indent: number): string {
  const pad = " ".repeat(indent);
  const mark = /^[ \n\x85\u2028\u2029]/.test(value) ? "2" : "";
  const keeps = value === "\n" || value.endsWith("\n\n");
  const chomp = keeps ? "+" : value.endsWith("\n") ? "" : "-";
  const lines = value.split("\n").map((line) => (line === "" ? "" : pad + line));
  return `|${mark}${chomp}\n${lines.join("\n")}`;
}

const singleQuoted = (value: string, place: ScalarPlace): string =>
  `'${folded(value.replaceAll("'", "''"), { ...place, column: place.column + 1 }, { first: 1, last: -1 })}'`;

/** Breaks long lines at single spaces, not before `first` nor at the end where `last` is -1. */
function folded(text: string, place: ScalarPlace, { first, last }: { first: number; last: number }): string {
  const end = last < 0 ? text.length + last : last;
  if (place.isKey || place.column + text.length <= widthMax) return text;
  const pad = `\n${" ".repeat(place.indent)}`;
  let out = "";
  let column = place.column;
  for (let at = 0; at < text.length; at++) {
    const isLone = text[at] === " " && text[at - 1] !== " " && text[at + 1] !== " ";
    if (isLone && column > widthMax && at >= first && at < end) {
      out += pad;
      column = place.indent;
    } else {
      out += text[at];
      column++;
    }
  }
  return out;
}

const escapes: Readonly<Record<string, string>> = {
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\x85": "N",
  "\u2028": "L",
  "\u2029": "P",
};

function escaped(char: string): string {
  const known = escapes[char];
  if (known !== undefined) return `\\${known}`;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

function doubleQuoted(value: string, { indent, column: start, isKey }: ScalarPlace): string {
  const pad = `\n${" ".repeat(indent)}`;
  const chars = Array.from(value);
  let out = '"';
  let column = start + 1;
  let wasSpace = false;
  chars.forEach((char, at) => {
    if (char === " " && !isKey && !wasSpace && column > widthMax && at > 0 && at < chars.length - 1) {
      // A space that begins a line would be lost.
      out += chars[at + 1] === " " ? `${pad}\\` : pad;
      column = indent + (chars[at + 1] === " " ? 1 : 0);
      wasSpace = true;
      return;
    }
    const isPlain = !special.test(char) && escapes[char] === undefined;
    const text = isPlain ? char : escaped(char);
    out += text;
    column += text.length;
    wasSpace = char === " ";
  });
  return `${out}"`;
}
