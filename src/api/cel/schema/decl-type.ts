/**
 * Types with what a schema says of their sizes: what expressions over custom resources are checked and estimated by.
 * upstream: apiserver/pkg/cel/{types,limits}.go, apiserver/pkg/cel/common/schemas.go
 */
import { ownValue } from "#base/own-value.ts";
import type { JSONSchemaProps } from "../../generated/types/apiextensions-v1.ts";
import type { TypeProvider } from "../checker.ts";
import type { SizeEstimator } from "../cost/call-estimates.ts";
import { upTo } from "../cost/range.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  listType,
  mapType,
  objectType,
  stringType,
  timestampType,
} from "../types.ts";
import { escapeName, isReserved, unescapeName } from "./escaping.ts";

export interface DeclType {
  readonly type: CelType;
  /** Characters, items or entries at most. */
  readonly elementsMax: number;
  /** Bytes of JSON at least. */
  readonly bytesMin: number;
  readonly elem?: DeclType;
  /** By escaped name. Made when it is asked for: below each of many nested rules may lie the same wide schema. */
  readonly field?: (escaped: string) => DeclType | undefined;
}

/** Bytes at least of what was looked at before, by its schema. */
export type KnownBytes = WeakMap<JSONSchemaProps, number>;

/** Of one request; what isn't bounded by the schema is bounded by it. */
const requestBytesMax = 3 * 1024 * 1024;
const timeText = { durationMax: 32, dateMax: 12, dateTimeMax: 32, durationMin: 3, dateTimeMin: 21 };
const emptyTextBytes = 2;
/** In names of what lists and maps hold; no field is called so. */
const [itemPart, valuePart] = ["@idx", "@elem"];

const simple = (type: CelType, bytesMin: number, elementsMax = 0): DeclType => ({
  type,
  bytesMin,
  elementsMax,
});

const notNegative = (value: number | bigint): number => Math.max(0, Number(value));

/** Bytes of UTF-8 that a text of so many code points may have. */
const textBytes = (length: number | bigint): number => notNegative(length) * 4;

/** What is there of every object, whether the schema says it or not. */
const withObjectMeta = (schema: JSONSchemaProps): JSONSchemaProps => ({
  ...schema,
  properties: {
    ...schema.properties,
    kind: { type: "string" },
    apiVersion: { type: "string" },
    metadata: {
      type: "object",
      properties: {
        ...schema.properties?.["metadata"]?.properties,
        name: { type: "string" },
        generateName: { type: "string" },
      },
    },
  },
});

export interface DeclOptions {
  /** Names of objects within: "selfType.spec". */
  readonly name: string;
  /** The root of a custom resource. */
  readonly isResource?: boolean;
  /** Shared by all rules of one schema. */
  readonly known?: KnownBytes;
}

/** undefined: expressions can't see it. */
export function declTypeOf(
  schema: JSONSchemaProps,
  { name, isResource = false, known = new WeakMap() }: DeclOptions,
): DeclType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) {
    const max = schema.maxLength === undefined ? requestBytesMax - 2 : textBytes(schema.maxLength);
    return simple(dynType, 1, max);
  }
  const isEmbedded = isResource || schema["x-kubernetes-embedded-resource"] === true;
  const whole = isEmbedded ? withObjectMeta(schema) : schema;
  switch (whole.type) {
    case "array":
      return arrayType(whole, { name, known });
    case "object":
      return typeof whole.additionalProperties === "object"
        ? dictionaryType(whole, whole.additionalProperties, { name, known })
        : recordType(whole, { name, known, of: schema });
    case "string":
      return textType(whole);
    case "boolean":
      return simple(boolType, 4);
    case "number":
      return simple(doubleType, 1);
    case "integer":
      return simple(intType, 1);
    default:
      return undefined;
  }
}

interface Within {
  readonly name: string;
  readonly known: KnownBytes;
}

function arrayType({ items, maxItems }: JSONSchemaProps, { name, known }: Within): DeclType | undefined {
  if (items === undefined || Array.isArray(items)) return undefined;
  const elem = declTypeOf(items, { name: `${name}.${itemPart}`, known });
  if (elem === undefined) return undefined;
  const most =
    maxItems === undefined ? Math.floor((requestBytesMax - 2) / (elem.bytesMin + 1)) : notNegative(maxItems);
  return { type: listType(elem.type), elementsMax: most, bytesMin: 2, elem };
}

function dictionaryType(
  { maxProperties }: JSONSchemaProps,
  values: JSONSchemaProps,
  { name, known }: Within,
): DeclType | undefined {
  const elem = declTypeOf(values, { name: `${name}.${valuePart}`, known });
  if (elem === undefined) return undefined;
  const most =
    maxProperties === undefined
      ? Math.floor((requestBytesMax - 2) / (elem.bytesMin + 6))
      : notNegative(maxProperties);
  return { type: mapType(stringType, elem.type), elementsMax: most, bytesMin: 2, elem };
}

function recordType(
  { properties = {}, required = [] }: JSONSchemaProps,
  { name, known, of }: Within & { readonly of: JSONSchemaProps },
): DeclType {
  const made = new Map<string, DeclType | undefined>();
  const make = (escaped: string): DeclType | undefined => {
    const property = unescapeName(escaped) ?? "";
    const schema = ownValue(properties, property);
    if (schema === undefined || escapeName(property) !== escaped) return undefined;
    return declTypeOf(schema, { name: `${name}.${escaped}`, known });
  };
  let bytesMin = known.get(of);
  if (bytesMin === undefined) {
    bytesMin = 2;
    for (const property of new Set(required)) {
      const schema = ownValue(properties, property);
      if (schema === undefined || schema.default !== undefined) continue;
      const type = declTypeOf(schema, { name: "", known });
      if (type !== undefined) bytesMin += Buffer.byteLength(property) + type.bytesMin + 4;
    }
    known.set(of, bytesMin);
  }
  const field = (escaped: string): DeclType | undefined => {
    if (!made.has(escaped)) made.set(escaped, make(escaped));
    return made.get(escaped);
  };
  return { type: objectType(name), elementsMax: 0, bytesMin, field };
}

function textType({ format, maxLength, enum: values }: JSONSchemaProps): DeclType {
  switch (format) {
    case "byte":
      return simple(
        bytesType,
        emptyTextBytes,
        maxLength === undefined ? requestBytesMax - 2 : notNegative(maxLength),
      );
    case "duration":
      return simple(durationType, timeText.durationMin, timeText.durationMax);
    case "date":
      return simple(timestampType, timeText.dateMax, timeText.dateMax);
    case "date-time":
      return simple(timestampType, timeText.dateTimeMin, timeText.dateTimeMax);
    default:
  }
  if (maxLength !== undefined) return simple(stringType, emptyTextBytes, textBytes(maxLength));
  if (values === undefined || values.length === 0) {
    return simple(stringType, emptyTextBytes, requestBytesMax - 2);
  }
  const longest = values.reduce<number>(
    (most, value) => Math.max(most, typeof value === "string" ? Buffer.byteLength(value) : 0),
    0,
  );
  return simple(stringType, emptyTextBytes, longest);
}

/** All objects within some types, by their names. */
export class DeclTypes implements TypeProvider {
  readonly #objects = new Map<string, DeclType>();
  /** Names of the outermost objects. */
  readonly #outermost: readonly string[];

  constructor(roots: readonly DeclType[]) {
    for (const root of roots) {
      let at: DeclType | undefined = root;
      while (at !== undefined && at.type.kind !== "object") at = at.elem;
      if (at?.type.kind === "object") this.#objects.set(at.type.name, at);
    }
    this.#outermost = [...this.#objects.keys()];
  }

  hasType(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Reserved words name fields with and without escaping. Sizes are known only of what is escaped, as upstream. */
  fieldType(typeName: string, field: string): CelType | undefined {
    const object = this.#find(typeName);
    const found = object?.field?.(field) ?? (isReserved(field) ? object?.field?.(`__${field}__`) : undefined);
    return found?.type;
  }

  #find(name: string): DeclType | undefined {
    const known = this.#objects.get(name);
    if (known !== undefined) return known;
    const outer = this.#outermost.find((each) => name.startsWith(`${each}.`));
    if (outer === undefined) return undefined;
    let at = this.#objects.get(outer);
    for (const part of name.slice(outer.length + 1).split(".")) {
      at = part === itemPart || part === valuePart ? at?.elem : at?.field?.(part);
    }
    if (at?.type.kind !== "object" || at.type.name !== name) return undefined;
    this.#objects.set(name, at);
    return at;
  }
}

/** Sizes of what lies below one variable, whatever it is called. Keys of maps are taken for empty, as upstream takes them. */
export const sizesBelow =
  (root: DeclType): SizeEstimator =>
  (path) => {
    let at: DeclType | undefined = root;
    for (const [index, name] of path.slice(1).entries()) {
      if (name === "@keys") return at.type.kind === "map" && index === path.length - 2 ? upTo(0) : undefined;
      at = name === "@items" || name === "@values" ? at.elem : at.field?.(name);
      if (at === undefined) return undefined;
    }
    return upTo(at.elementsMax);
  };
