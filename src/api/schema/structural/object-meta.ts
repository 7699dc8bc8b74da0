/**
 * Kind, apiVersion and metadata of a custom resource and of resources embedded in it: read as the types they have everywhere.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/objectmeta
 */
import { FaultList } from "../../meta/fault-list.ts";
import { invalid, required, type FieldError } from "../../meta/field-error.ts";
import { dns1035LabelFaults, pathSegmentFaults } from "../../meta/names.ts";
import { checkMeta } from "../../meta/object-meta-validation.ts";
import type { ObjectMeta } from "../../meta/object.ts";
import { isMap } from "../../patch/json-value.ts";
import { childPath, keyPath } from "./field-path.ts";
import { asResource, fieldOf, isEmbedded, itemsOf, propertyOf, type Structural } from "./structural.ts";

export interface ReadMeta {
  readonly metadata: ObjectMeta;
  /** Paths within the metadata. */
  readonly unknownFields: readonly string[];
}

/** Reads a value as metav1.ObjectMeta. Throws with the decoder's words. */
export type MetaReader = (metadata: unknown) => ReadMeta;

export interface CoerceOptions {
  readonly read: MetaReader;
  /** What is stored may be older than the rules: what doesn't fit is dropped instead of refused. */
  readonly dropsMisfits: boolean;
  readonly isResource: boolean;
}

export interface Coerced {
  readonly fault: FieldError | undefined;
  /** Sorted. */
  readonly unknownFields: readonly string[];
}

/** Reads the metadata of one object, field by field where all of it doesn't fit and misfits are to be dropped. */
export function readMeta(
  metadata: unknown,
  { read, dropsMisfits }: Omit<CoerceOptions, "isResource">,
): ReadMeta {
  try {
    return read(metadata);
  } catch (error) {
    if (!dropsMisfits || !isMap(metadata)) throw error;
    const fitting = Object.entries(metadata).filter(([name, value]) => fits({ [name]: value }, read));
    return read(Object.fromEntries(fitting));
  }
}

function fits(metadata: unknown, read: MetaReader): boolean {
  try {
    read(metadata);
    return true;
  } catch {
    return false;
  }
}

/** Changes `value`: metadata becomes what it was read as. */
export function coerceMeta(
  value: unknown,
  schema: Structural | undefined,
  options: CoerceOptions,
  path = "",
): Coerced {
  const coercer = new Coercer(options);
  const root = options.isResource ? asResource(schema) : schema;
  const fault = coercer.coerce(value, root, path);
  return { fault, unknownFields: coercer.unknownFields.toSorted() };
}

class Coercer {
  readonly unknownFields: string[] = [];
  readonly #options: CoerceOptions;

  constructor(options: CoerceOptions) {
    this.#options = options;
  }

  coerce(value: unknown, schema: Structural | undefined, path: string): FieldError | undefined {
    if (schema === undefined) return undefined;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        const fault = this.coerce(item, itemsOf(schema), `${path}[${index}]`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    }
    return isMap(value) ? this.#map(value, schema, path) : undefined;
  }

  #map(value: Record<string, unknown>, schema: Structural, path: string): FieldError | undefined {
    for (const key of Object.keys(value)) {
      const own = isEmbedded(schema) ? this.#meta(value, key, childPath(path, key)) : undefined;
      if (own !== undefined) return own;
      const isProperty = propertyOf(schema, key) !== undefined;
      const inner = isProperty ? childPath(path, key) : keyPath(path, key);
      const fault = this.coerce(value[key], fieldOf(schema, key), inner);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #meta(value: Record<string, unknown>, key: string, path: string): FieldError | undefined {
    if (key === "apiVersion" || key === "kind") {
      if (typeof value[key] === "string") return undefined;
      if (!this.#options.dropsMisfits) return invalid(path, value[key], "must be a string");
      Reflect.deleteProperty(value, key);
    } else if (key === "metadata") {
      try {
        const { metadata, unknownFields } = readMeta(value[key], this.#options);
        value[key] = metadata;
        this.unknownFields.push(...unknownFields.map((name) => childPath(path, name)));
      } catch (error) {
        if (!this.#options.dropsMisfits) return invalid(path, value[key], textOf(error));
      }
    }
    return undefined;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : "invalid metadata");

/** The rules for embedded resources. Their types are fine already. */
export function metaFaults(
  value: unknown,
  schema: Structural | undefined,
  isResource = false,
  path = "",
): FieldError[] {
  const own = isResource ? asResource(schema) : schema;
  if (own === undefined) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => metaFaults(item, itemsOf(own), false, `${path}[${index}]`));
  }
  if (!isMap(value)) return [];
  const inner = Object.entries(value).flatMap(([key, each]) => {
    const isProperty = propertyOf(own, key) !== undefined;
    return metaFaults(each, fieldOf(own, key), false, isProperty ? childPath(path, key) : keyPath(path, key));
  });
  return [...(isEmbedded(own) ? resourceFaults(value, path) : []), ...inner];
}

function resourceFaults(value: Readonly<Record<string, unknown>>, path: string): FieldError[] {
  const { apiVersion, kind, metadata } = value;
  return [
    ...textFaults(apiVersion, childPath(path, "apiVersion"), versionFaults),
    ...textFaults(kind, childPath(path, "kind"), kindFaults),
    ...(metadata === undefined ? [] : objectMetaFaults(metadata as ObjectMeta, childPath(path, "metadata"))),
  ];
}

function textFaults(
  value: unknown,
  path: string,
  rules: (text: string) => readonly string[],
): readonly FieldError[] {
  if (value === undefined || value === "") return [required(path, "")];
  if (typeof value !== "string") return [invalid(path, value, "must be a string")];
  return rules(value).map((fault) => invalid(path, value, fault));
}

const versionFaults = (text: string): readonly string[] =>
  text.split("/").length > 2 ? [`unexpected GroupVersion string: ${text}`] : [];

function kindFaults(text: string): readonly string[] {
  const faults = dns1035LabelFaults(text.toLowerCase());
  return faults.length === 0 ? [] : [`may have mixed case, but should otherwise match: ${faults.join(",")}`];
}

function objectMetaFaults(metadata: ObjectMeta, path: string): FieldError[] {
  const faults = new FaultList();
  const named = (metadata.name ?? "") === "" ? { ...metadata, name: "fakename" } : metadata;
  const namespaced = (metadata.namespace ?? "") !== "";
  checkMeta(named, { namespaced, nameFaults: pathSegmentFaults }, faults);
  return faults.all.map((fault) => ({ ...fault, field: fault.field.replace(/^metadata/, () => path) }));
}
