/**
 * YAML as Kubernetes reads and writes it: YAML 1.1's words and octals, timestamps left as text, every key a string. What is
 * refused is refused in goyaml's words; its scanner, parser and decoder have their likes in yaml/.
 * upstream: sigs.k8s.io/yaml over go.yaml.in/yaml/v2
 */
import { parseExact } from "#base/exact-json.ts";
import { bodyText } from "./body-text.ts";
import { keysWithin, survey } from "./json-text.ts";
import { Cursor } from "./yaml/cursor.ts";
import { firstDocument } from "./yaml/parser.ts";
import { isNotText } from "./yaml/resolve.ts";
import { yamlSource } from "./yaml/source.ts";
import { asJson, decodeNodes } from "./yaml/values.ts";
import { yamlText } from "./yaml-text.ts";

export interface YamlReading {
  /** A JSON value. */
  readonly value: unknown;
  /** Keys given twice. */
  readonly strictFaults: string[];
}

/** Throws DecodeError. Of a key given twice the last counts; of several documents the first, and none is null. */
export const parseYaml = (text: string): unknown => readYaml(Buffer.from(text)).value;

/** The same, with what is amiss. Kubectl sends JSON under YAML's name, too. Throws DecodeError. */
export function readYaml(bytes: Buffer): YamlReading {
  const json = jsonIn(bytes);
  if (json !== undefined) return { value: json.value, strictFaults: [] };
  const root = firstDocument(new Cursor(yamlSource(bytes)));
  if (root === undefined) return { value: null, strictFaults: [] };
  const { value, duplicates } = decodeNodes(root);
  const strictFaults = duplicates.length === 0 ? [] : [listPrefix + duplicates.join(listSeparator)];
  return { value: asJson(value), strictFaults };
}

/** What reads itself otherwise in YAML, or isn't read: escapes that it doesn't have, tabs before the first brace. */
const notYaml = /\\\/|\\u[dD][89a-fA-F]|^\s*\t|[\x7f-\x84\x86-\x9f\ufffe\uffff]/;

function jsonIn(bytes: Buffer): { readonly value: unknown } | undefined {
  const text = bodyText(bytes);
  if (!/^[ \n\r]*\{/.test(text) || notYaml.test(text)) return undefined;
  try {
    const value = parseExact(text);
    // Throws for what is too deep, which YAML's reader then refuses. It finds keys given twice, too.
    return survey(text).keys === keysWithin(value, text) ? { value } : undefined;
  } catch {
    // A flow mapping, perhaps, or what YAML reads otherwise.
    return undefined;
  }
}

const listSeparator = "\n  ";
const listPrefix = `yaml: unmarshal errors:${listSeparator}`;

/** A strict fault as warnings: one for each key. upstream: apiserver/pkg/endpoints/handlers/rest.go parseYAMLWarnings */
export const strictWarnings = (fault: string): string[] =>
  fault.startsWith(listPrefix) ? fault.slice(listPrefix.length).split(listSeparator) : [fault];

/** As the API's servers and kubectl write it. */
export const formatYaml = (value: unknown): string => yamlText(value, isOther);

/** In base 60: other parsers take it for a number. */
const sexagesimal = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

/** upstream: encode.go (stringv) */
const isOther = (text: string): boolean => isNotText(text) || sexagesimal.test(text);
