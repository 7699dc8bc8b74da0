/**
 * Paths to fields of a schema (".spec.list[0].name" is none: lists aren't entered here).
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go ValidFieldPath
 */
import { childPath, keyPath } from "../schema/structural/field-path.ts";
import { propertyOf, valueSchemaOf, type Structural } from "../schema/structural/structural.ts";

export interface FoundField {
  /** ["spec", "color"] */
  readonly names: readonly string[];
  /** As faults name it: "spec.labels[color]" */
  readonly path: string;
  readonly schema: Structural;
}

const noField = "does not refer to a valid field";
const cutShort = "unexpected end of JSON path";

/** Dots and brackets, and what lies between them: text in single quotes, or anything else. */
const token = /[.[\]]|'(?:[^'\\]|\\.)*'|[^.[\]]+/gs;

/** The field, or why there is none: the first that is wrong. `allowsKeys`: ['key'] goes into a property or a map. */
export function findField(
  path: string,
  schema: Structural | undefined,
  allowsKeys: boolean,
): FoundField | string {
  const tokens = path.match(token) ?? [];
  if (schema === undefined || tokens.length === 0) return schema === undefined ? noField : cutShort;
  let found: FoundField = { names: [], path: "", schema };
  for (let at = 0; at < tokens.length;) {
    const isKey = tokens[at] === "[";
    if (isKey && !allowsKeys) return "array notation is not allowed";
    const name = isKey ? keyAt(tokens, at + 1) : nameAt(tokens, at);
    if (name instanceof Error) return name.message;
    const inner = within(found, name);
    if (inner === undefined) return noField;
    found = inner;
    at += 2;
    if (!isKey) continue;
    const end = tokens[at++];
    if (end !== "]") return end === undefined ? cutShort : `expected ] but got ${end}`;
  }
  return found;
}

function nameAt(tokens: readonly string[], at: number): string | Error {
  if (tokens[at] !== ".") return new Error(`expected [ or . but got: ${tokens[at] ?? ""}`);
  return tokens[at + 1] ?? new Error(cutShort);
}

function keyAt(tokens: readonly string[], at: number): string | Error {
  const text = tokens[at];
  return text === undefined ? new Error(cutShort) : unquoted(text);
}

function within({ names, path, schema }: FoundField, name: string): FoundField | undefined {
  const hasProperties = schema.properties !== undefined;
  const inner = hasProperties ? propertyOf(schema, name) : valueSchemaOf(schema);
  if (inner === undefined) return undefined;
  const at = hasProperties ? childPath(path, name) : keyPath(path, name);
  return { names: [...names, name], path: at, schema: inner };
}

const escapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "'": "'",
  "\\": "\\",
};

function unquoted(text: string): string | Error {
  if (!/^'.*'$/s.test(text)) return new Error(`expected single quoted string but got ${text}`);
  const inner = text.slice(1, -1);
  const [wrong] = inner.match(/\\./g)?.filter(([, letter = ""]) => escapes[letter] === undefined) ?? [];
  if (wrong !== undefined) return new Error(`invalid string literal: invalid escape char ${wrong}`);
  return inner.replaceAll(/\\(.)/g, (_, letter: string) => escapes[letter] ?? "");
}
