/**
 * JSON as Go's encoding/json writes it: what could be taken for markup, or for a line's end in a script, is escaped. Who
 * parses it sees no difference; who compares or hashes bytes does.
 */

const escapes: Readonly<Record<string, string>> = {
  "<": String.raw`\u003c`,
  ">": String.raw`\u003e`,
  "&": String.raw`\u0026`,
  "\u2028": String.raw`\u2028`,
  "\u2029": String.raw`\u2029`,
};

/** Each search is one pass of the machine's fastest; most texts have none of them, and those of one-byte texts not the last two. */
const hasSpecial = (json: string): boolean =>
  json.includes("<") ||
  json.includes(">") ||
  json.includes("&") ||
  json.includes("\u2028") ||
  json.includes("\u2029");

/** `json` is JSON already: these characters are in strings only. */
export const escapedJson = (json: string): string =>
  hasSpecial(json) ? json.replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char) : json;

/** `indent`: of what people read. */
export const goJson = (value: unknown, indent?: number | string): string =>
  escapedJson(JSON.stringify(value, undefined, indent));
