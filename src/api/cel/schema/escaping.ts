/** Names of properties as CEL can say them. upstream: apiserver/pkg/cel/escaping.go */

const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

const escapes = new Map([
  ["__", "__underscores__"],
  [".", "__dot__"],
  ["-", "__dash__"],
  ["/", "__slash__"],
]);
const unescapes = new Map([...escapes].map(([plain, escaped]) => [escaped, plain]));

/** Words CEL keeps to itself; as a field's name it takes most of them all the same. */
export const isReserved = (name: string): boolean => reserved.has(name);

/** undefined: no expression can name it. */
export function escapeName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replaceAll(/__|[.\-/]/g, (part) => escapes.get(part) ?? part);
}

/** undefined: not what `escapeName` makes. */
export function unescapeName(escaped: string): string | undefined {
  if (!escaped.includes("__")) return escaped;
  const word = /^__([^_]+)__$/.exec(escaped)?.[1];
  if (word !== undefined && reserved.has(word)) return word;
  const parts = escaped.match(/__[^_]+__/g) ?? [];
  if (!parts.every((part) => unescapes.has(part))) return undefined;
  return escaped.replaceAll(/__[^_]+__/g, (part) => unescapes.get(part) ?? part);
}
