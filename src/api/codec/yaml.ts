/**
 * YAML as Kubernetes reads and writes it: YAML 1.1's words and octals, timestamps left as text, every key a string.
 * upstream: sigs.k8s.io/yaml over goyaml.v2 (resolve.go)
 */
import {
  defineScalarTag,
  loadAll,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from "js-yaml";
import { parseExact, plainInt64 } from "#base/exact-json.ts";
import { DecodeError } from "./decode-error.ts";
import { keysWithin, survey } from "./json-text.ts";
import { yamlText } from "./yaml-text.ts";

/** Each use of an alias may repeat all it stands for: a few bytes could become gigabytes. */
const aliasesMax = 100;
const depthMax = 1000;

const nulls = new Set(["", "~", "null", "Null", "NULL"]);
const trues = new Set(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]);
const falses = new Set(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]);
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/;
/** Of 64 bits. To find out the value of many more takes a time that grows faster than they do. */
const digitsMax = 20;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const infinite = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

const isFloat = (plain: string): boolean => float.test(plain) && Number.isFinite(Number(plain));

/** As the JSON that Go makes of it is read: what is written without a fraction there is an int64 if it can be. */
const asJson = (value: number): number | bigint => parseExact(JSON.stringify(value)) as number | bigint;

function resolveNumber(source: string): number | bigint | typeof NOT_RESOLVED {
  if (infinite.test(source)) throw new DecodeError(`json: unsupported value: ${source}`);
  const plain = source.replaceAll("_", "");
  const [whole, sign, hex, binary, octal, decimal = ""] = integer.exec(plain) ?? [];
  // What is too large for a number is text.
  if (whole === undefined || decimal.length > digitsMax) {
    return isFloat(plain) ? asJson(Number(plain)) : NOT_RESOLVED;
  }
  const value =
    hex === undefined
      ? binary === undefined
        ? octal === undefined
          ? BigInt(decimal)
          : BigInt(`0o${octal}`)
        : BigInt(`0b${binary}`)
      : BigInt(`0x${hex}`);
  const signed = sign === "-" ? -value : value;
  if (BigInt.asIntN(64, signed) === signed) return plainInt64(signed);
  return decimal !== "" || BigInt.asUintN(64, signed) === signed ? Number(signed) : NOT_RESOLVED;
}

const nullTag = defineScalarTag("tag:yaml.org,2002:null", {
  implicit: true,
  resolve: (source) => (nulls.has(source) ? null : NOT_RESOLVED),
  identify: (value) => value === null,
  represent: () => "null",
});

const boolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  resolve: (source) => (trues.has(source) ? true : falses.has(source) ? false : NOT_RESOLVED),
  identify: (value) => typeof value === "boolean",
  represent: (value) => String(value),
});

const numberTag = defineScalarTag("tag:yaml.org,2002:float", {
  implicit: true,
  resolve: (source) => (/^[-+.\d]/.test(source) ? resolveNumber(source) : NOT_RESOLVED),
  identify: (value) => typeof value === "number" || typeof value === "bigint",
  represent: (value) => String(value),
});

const intTag = defineScalarTag("tag:yaml.org,2002:int", {
  resolve: resolveNumber,
  identify: () => false,
});

/** Base64 text that stands for bytes; JSON gets the bytes as text. */
const binaryTag = defineScalarTag("tag:yaml.org,2002:binary", {
  resolve: (source) => Buffer.from(source, "base64").toString("utf8"),
  identify: () => false,
});

const schema = new Schema([strTag, seqTag, mapTag, nullTag, boolTag, numberTag, intTag, binaryTag, mergeTag]);

/** A line that begins or ends a document. */
const documentMarks = /(?:^|[\n\r])(---|\.\.\.)(?=\s|$)/g;
const content = /^[ \t]*[^\s#%]/m;

/** What comes after it nobody reads, as with Go: neither hundreds of thousands of documents nor what is wrong with them. */
function firstDocument(text: string): string {
  let from = 0;
  let isBegun = false;
  for (const { 0: line, 1: mark, index } of text.matchAll(documentMarks)) {
    if (isBegun || content.test(text.slice(from, index))) return text.slice(0, index + 1);
    isBegun = mark === "---";
    from = index + line.length;
  }
  return text;
}

/** The first document; null where there is none. */
function read(text: string, allowDuplicates: boolean): unknown {
  const limits = { maxAliases: aliasesMax, maxDepth: depthMax };
  const [value] = loadAll(firstDocument(text), { schema, json: allowDuplicates, ...limits });
  return value === undefined ? null : value;
}

export interface YamlReading {
  /** A JSON value. */
  readonly value: unknown;
  /** Keys given twice. */
  readonly strictFaults: string[];
}

/** Throws DecodeError. Of a key given twice the last counts. */
export function parseYaml(text: string): unknown {
  const json = jsonIn(text);
  return json === undefined ? taken(() => read(text, true)) : json.value;
}

/** Throws DecodeError. Read twice only where a key is given twice, and where kubectl sends JSON under YAML's name. */
export function readYaml(text: string): YamlReading {
  const json = jsonIn(text);
  try {
    const value = read(text, false);
    return { value: json === undefined ? value : json.value, strictFaults: [] };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const strictFaults = [yamlErrorText(error)];
    if (json !== undefined) return { ...json, strictFaults };
    return { value: taken(() => read(text, true)), strictFaults };
  }
}

function jsonIn(text: string): { readonly value: unknown } | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value = parseExact(text);
    // Throws for what is too deep, which YAML's reader then refuses.
    survey(text);
    keysWithin(value, text);
    return { value };
  } catch {
    // A flow mapping, perhaps, or what YAML reads otherwise.
    return undefined;
  }
}

function taken<T>(reading: () => T): T {
  try {
    return reading();
  } catch (error) {
    if (error instanceof YAMLException) throw new DecodeError(yamlErrorText(error), { cause: error });
    throw error;
  }
}

function yamlErrorText({ reason, mark }: YAMLException): string {
  const line = (mark?.line ?? 0) + 1;
  if (!/duplicate/.test(reason) || mark === undefined) return `yaml: line ${line}: ${reason}`;
  const [, key = ""] = /^["']?([^"':\s]+)/.exec(mark.buffer.slice(mark.position).trimStart()) ?? [];
  return `${listPrefix}  line ${line}: key ${JSON.stringify(key)} already set in map`;
}

const listPrefix = "yaml: unmarshal errors:\n";

/** A strict fault as warnings: one for each key. upstream: apiserver/pkg/endpoints/handlers/rest.go parseYAMLWarnings */
export const strictWarnings = (fault: string): string[] =>
  fault.startsWith(listPrefix)
    ? fault
        .slice(listPrefix.length)
        .split("\n")
        .map((line) => line.trim())
    : [fault];

/** As the API's servers and kubectl write it. */
export const formatYaml = (value: unknown): string => yamlText(value, isOther);

/** In base 60: other parsers take it for a number. */
const sexagesimal = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const timestamp =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d))| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?)?$/;

/** upstream: goyaml.v2/resolve.go */
function isOther(text: string): boolean {
  if (nulls.has(text) || trues.has(text) || falses.has(text) || text === "<<") return true;
  if (!/^[-+.\d]/.test(text)) return false;
  return isNumber(text) || sexagesimal.test(text) || isTimestamp(text);
}

function isNumber(text: string): boolean {
  if (infinite.test(text)) return true;
  const plain = text.replaceAll("_", "");
  return integer.test(plain) || isFloat(plain);
}

function daysOf(month: number, year: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function isTimestamp(text: string): boolean {
  const [, ...parts]: readonly (string | undefined)[] = timestamp.exec(text) ?? [];
  if (parts.length === 0) return false;
  const [year = 0, month = 0, day = 0, ...time] = parts.filter((part) => part !== undefined).map(Number);
  const [hour = 0, minute = 0, second = 0] = time;
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(month, year);
  return isDay && hour < 24 && minute < 60 && second < 60;
}
