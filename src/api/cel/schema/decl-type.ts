/**
 * Types with what a schema says of their sizes: what expressions over custom resources are checked and estimated by.
 * upstream: apiserver/pkg/cel/{types,limits}.go, apiserver/pkg/cel/common/schemas.go
 */
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
import { escapeName, isReserved } from "./escaping.ts";

export interface DeclType {
  readonly type: CelType;
  /** Characters, items or entries at most. */
  readonly elementsMax: number;
  /** Bytes of JSON at least. */
  readonly bytesMin: number;
  readonly elem?: DeclType;
  /** By escaped name. */
  readonly fields?: ReadonlyMap<string, DeclType>;
}

/** Of one request; what isn't bounded by the schema is bounded by it. */
const requestBytesMax = 3 * 1024 * 1024;
const timeText = { durationMax: 32, dateMax: 12, dateTimeMax: 32, durationMin: 3, dateTimeMin: 21 };
const emptyTextBytes = 2;

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
}

/** undefined: expressions can't see it. */
export function declTypeOf(
  schema: JSONSchemaProps,
  { name, isResource = false }: DeclOptions,
): DeclType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) {
    const max = schema.maxLength === undefined ? requestBytesMax - 2 : textBytes(schema.maxLength);
    return simple(dynType, 1, max);
  }
  const isEmbedded = isResource || schema["x-kubernetes-embedded-resource"] === true;
  const whole = isEmbedded ? withObjectMeta(schema) : schema;
  switch (whole.type) {
    case "array":
      return arrayType(whole, name);
    case "object":
      return typeof whole.additionalProperties === "object"
        ? dictionaryType(whole, whole.additionalProperties, name)
        : recordType(whole, name);
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

function arrayType({ items, maxItems }: JSONSchemaProps, name: string): DeclType | undefined {
  if (items === undefined || Array.isArray(items)) return undefined;
  const elem = declTypeOf(items, { name: `${name}.@idx` });
  if (elem === undefined) return undefined;
  const most =
    maxItems === undefined ? Math.floor((requestBytesMax - 2) / (elem.bytesMin + 1)) : notNegative(maxItems);
  return { type: listType(elem.type), elementsMax: most, bytesMin: 2, elem };
}

function dictionaryType(
  { maxProperties }: JSONSchemaProps,
  values: JSONSchemaProps,
  name: string,
): DeclType | undefined {
  const elem = declTypeOf(values, { name: `${name}.@elem` });
  if (elem === undefined) return undefined;
  const most =
    maxProperties === undefined
      ? Math.floor((requestBytesMax - 2) / (elem.bytesMin + 6))
      : notNegative(maxProperties);
  return { type: mapType(stringType, elem.type), elementsMax: most, bytesMin: 2, elem };
}

function recordType({ properties = {}, required = [] }: JSONSchemaProps, name: string): DeclType {
  const fields = new Map<string, DeclType>();
  let bytesMin = 2;
  for (const [property, schema] of Object.entries(properties)) {
    const escaped = escapeName(property);
    const type = declTypeOf(schema, { name: `${name}.${escaped ?? property}` });
    if (type === undefined) continue;
    if (escaped !== undefined) fields.set(escaped, type);
    const isGiven = required.includes(property) && schema.default === undefined;
    if (isGiven) bytesMin += Buffer.byteLength(property) + type.bytesMin + 4;
  }
  return { type: objectType(name), elementsMax: 0, bytesMin, fields };
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
  const longest = (values ?? []).map((value) => (typeof value === "string" ? Buffer.byteLength(value) : 0));
  return simple(stringType, emptyTextBytes, longest.length > 0 ? Math.max(...longest) : requestBytesMax - 2);
}

/** All objects within some types, by their names. */
export class DeclTypes implements TypeProvider {
  readonly #objects = new Map<string, DeclType>();

  constructor(roots: readonly DeclType[]) {
    for (const root of roots) this.#add(root);
  }

  #add(declared: DeclType): void {
    if (declared.type.kind === "object") this.#objects.set(declared.type.name, declared);
    if (declared.elem !== undefined) this.#add(declared.elem);
    for (const field of declared.fields?.values() ?? []) this.#add(field);
  }

  hasType(name: string): boolean {
    return this.#objects.has(name);
  }

  /** Reserved words name fields with and without escaping. Sizes are known only of what is escaped, as upstream. */
  fieldType(typeName: string, field: string): CelType | undefined {
    const fields = this.#objects.get(typeName)?.fields;
    const found = fields?.get(field) ?? (isReserved(field) ? fields?.get(`__${field}__`) : undefined);
    return found?.type;
  }
}

/** Sizes of what lies below one variable, whatever it is called. Keys of maps are taken for empty, as upstream takes them. */
export const sizesBelow =
  (root: DeclType): SizeEstimator =>
  (path) => {
    let at: DeclType | undefined = root;
    for (const [index, name] of path.slice(1).entries()) {
      if (name === "@keys") return at.type.kind === "map" && index === path.length - 2 ? upTo(0) : undefined;
      at = name === "@items" || name === "@values" ? at.elem : at.fields?.get(name);
      if (at === undefined) return undefined;
    }
    return upTo(at.elementsMax);
  };
