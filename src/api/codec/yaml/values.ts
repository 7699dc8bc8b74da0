/**
 * A YAML document as JSON: aliases are what they stand for, merges are made, keys are text.
 * upstream: go.yaml.in/yaml/v2 decode.go; sigs.k8s.io/yaml yaml.go (convertToJSONableObject)
 */
import { parseExact, plainInt64 } from "#base/exact-json.ts";
import { setValue } from "../../patch/json-value.ts";
import { DecodeError } from "../decode-error.ts";
import { yamlError } from "./cursor.ts";
import { GoMap, goSyntax, keyText, type GoValue } from "./go-value.ts";
import { depthMax, longTag, type YamlNode } from "./parser.ts";
import { GoNumber, resolveScalar } from "./resolve.ts";

type MappingNode = YamlNode & { readonly kind: "mapping" };

/** How much of what is decoded may come of aliases: much in what is small, little in what is large. */
const ratios = { low: 400_000, high: 4_000_000, most: 0.99, least: 0.1 } as const;
const aliasedMin = 100;
const decodedMin = 1000;

function aliasRatioMax(decoded: number): number {
  const { low, high, most, least } = ratios;
  const share = Math.min(Math.max((decoded - low) / (high - low), 0), 1);
  return most - (most - least) * share;
}

export interface YamlDecoding {
  readonly value: GoValue;
  /** Keys given twice: "line 3: key \"a\" already set in map". */
  readonly duplicates: readonly string[];
}

/** Throws DecodeError. Of a key given twice the last counts. */
export function decodeNodes(root: YamlNode): YamlDecoding {
  const decoder = new NodeDecoder();
  return { value: decoder.document(root), duplicates: decoder.duplicates };
}

class NodeDecoder {
  readonly duplicates: string[] = [];
  readonly #open = new Set<YamlNode>();
  #decoded = 0;
  #aliased = 0;
  #aliasDepth = 0;
  #depth = 0;

  document(root: YamlNode): GoValue {
    this.#count();
    return this.#value(root);
  }

  #count(): void {
    this.#decoded++;
    if (this.#aliasDepth > 0) this.#aliased++;
    const isMuch = this.#aliased > aliasedMin && this.#decoded > decodedMin;
    if (isMuch && this.#aliased / this.#decoded > aliasRatioMax(this.#decoded)) {
      throw yamlError("document contains excessive aliasing", 0);
    }
  }

  #value(node: YamlNode): GoValue {
    this.#count();
    if (node.kind === "scalar") return resolveScalar(node);
    if (node.kind === "alias") return this.#alias(node, (target) => this.#value(target));
    if (++this.#depth > depthMax) throw yamlError(`exceeded max depth of ${depthMax}`, 0);
    const value =
      node.kind === "sequence" ? node.items.map((item) => this.#value(item)) : this.#mapping(node);
    this.#depth--;
    return value;
  }

  #alias<T>(node: YamlNode & { readonly kind: "alias" }, use: (target: YamlNode) => T): T {
    if (this.#open.has(node)) throw yamlError(`anchor '${node.name}' value contains itself`, 0);
    this.#open.add(node);
    this.#aliasDepth++;
    const used = use(node.target);
    this.#aliasDepth--;
    this.#open.delete(node);
    return used;
  }

  #mapping(node: MappingNode): GoMap {
    const map = new GoMap();
    this.#fill(map, node);
    return map;
  }

  #fill(map: GoMap, { items }: MappingNode): void {
    for (let at = 0; at < items.length; at += 2) {
      const [key, value] = [items[at] as YamlNode, items[at + 1] as YamlNode];
      if (isMerge(key)) this.#merge(map, value);
      else this.#entry(map, key, value);
    }
  }

  #entry(map: GoMap, keyNode: YamlNode, node: YamlNode): void {
    const key = this.#value(keyNode);
    if (key instanceof GoMap || isSequence(key)) throw yamlError(`invalid map key: ${goSyntax(key)}`, 0);
    const value = this.#value(node);
    if (map.has(key)) this.duplicates.push(`line ${node.line + 1}: key ${goSyntax(key)} already set in map`);
    map.set(key, value);
  }

  #merge(map: GoMap, node: YamlNode): void {
    if (node.kind !== "sequence") {
      this.#mergeOne(map, node);
      return;
    }
    // What comes earlier goes before what comes later.
    for (const item of node.items.toReversed()) this.#mergeOne(map, item);
  }

  #mergeOne(map: GoMap, node: YamlNode): void {
    if (node.kind === "alias" && node.target.kind === "mapping") {
      this.#count();
      this.#alias(node, (target) => {
        this.#count();
        this.#fill(map, target as MappingNode);
      });
    } else if (node.kind === "mapping") {
      this.#count();
      this.#fill(map, node);
    } else throw yamlError("map merge requires map or sequence of maps as the value", 0);
  }
}

const isSequence = (value: GoValue): value is readonly GoValue[] => Array.isArray(value);

const isMerge = (node: YamlNode): boolean =>
  node.kind === "scalar" && node.value === "<<" && (node.isImplicit || node.tag === `${longTag}merge`);

/** Throws DecodeError for what JSON doesn't have. */
export function asJson(value: GoValue): unknown {
  const converter = new JsonConverter();
  const json = converter.convert(value);
  if (converter.fault !== undefined) throw new DecodeError(converter.fault);
  return json;
}

class JsonConverter {
  fault: string | undefined;

  convert(value: GoValue): unknown {
    if (value instanceof GoNumber) return this.#number(value);
    if (value instanceof GoMap) return this.#map(value);
    return isSequence(value) ? value.map((item) => this.convert(item)) : value;
  }

  #map(map: GoMap): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const [key, value] of map.entries()) {
      const name = keyText(key);
      if (name === undefined) throw new DecodeError(keyFault(key, value));
      setValue(object, name, this.convert(value));
    }
    return object;
  }

  /** As the JSON that Go makes of it is read: what is written without a fraction there is an int64 if it can be. */
  #number({ type, value }: GoNumber): unknown {
    if (type === "int") return typeof value === "bigint" ? plainInt64(value) : value;
    const number = Number(value);
    if (Number.isFinite(number)) return parseExact(JSON.stringify(number));
    const text = Number.isNaN(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf";
    this.fault ??= `json: unsupported value: ${text}`;
    return null;
  }
}

function keyFault(key: GoValue, value: GoValue): string {
  const type = key === null ? "%!s(<nil>)" : "uint64";
  return `unsupported map key of type: ${type}, key: ${goSyntax(key)}, value: ${goSyntax(value)}`;
}
