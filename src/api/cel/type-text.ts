/** Types in declarations are written as text: "list<A>", "map<string,dyn>", "optional<V>". */
import {
  type CelType,
  errorType,
  listType,
  mapType,
  objectType,
  optionalType,
  type SimpleKind,
} from "./types.ts";

const simpleKinds = new Set<string>([
  "bool",
  "int",
  "uint",
  "double",
  "string",
  "bytes",
  "null",
  "timestamp",
  "duration",
  "dyn",
]);
const opaqueNames = new Set(["net.IP", "net.CIDR"]);

const isSimple = (text: string): text is SimpleKind => simpleKinds.has(text);

export function typeFromText(text: string): CelType {
  const [, outer = text, inner] = /^(\w+)<(.*)>$/.exec(text) ?? [];
  if (inner !== undefined) {
    const [first = errorType, second = errorType] = splitTypes(inner).map(typeFromText);
    if (outer === "list") return listType(first);
    if (outer === "map") return mapType(first, second);
    return outer === "type" ? { kind: "type", of: first } : optionalType(first);
  }
  if (isSimple(text)) return { kind: text };
  if (text === "type") return { kind: "type", of: undefined };
  if (/^[A-Z]$/.test(text)) return { kind: "param", name: text };
  return opaqueNames.has(text) ? { kind: "opaque", name: text, params: [] } : objectType(text);
}

/** "list<A>, map<A,B>" at its outer commas. */
export function splitTypes(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (const [index, char] of `${text},`.split("").entries()) {
    if (char === "<") depth += 1;
    if (char === ">") depth -= 1;
    if (char === "," && depth === 0) {
      found.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  return found.filter((each) => each !== "");
}
