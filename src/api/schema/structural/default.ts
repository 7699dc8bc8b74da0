/**
 * Fills in defaults, and drops nulls that stand for nothing.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/defaulting/{algorithm,prune}.go
 */
import { failure } from "../../meta/status.ts";
import { copyJson, isMap, setValue } from "../../patch/json-value.ts";
import { fieldOf, hasDefault, itemsOf, propertyOf, valueSchemaOf, type Structural } from "./structural.ts";

const isMisplacedNull = (value: unknown, schema: Structural | undefined): boolean =>
  value === null && schema !== undefined && schema.nullable !== true;

/**
 * Of JSON that defaults may add to one object. Each item of a list may get a default of a megabyte: forty kilobytes of them
 * would be gigabytes. Upstream's etcd takes no object of more than a megabyte and a half, whatever is in it.
 */
const addedBytesMax = 8 * 1024 * 1024;
/** Of what JSON has around a key and its value. */
const entryBytes = 4;

interface Default {
  readonly value: unknown;
  /** As JSON. */
  readonly bytes: number;
}

/** Defaults at and below one schema. */
interface Defaults {
  readonly own: Default | undefined;
  /** Of the properties that have a default themselves. */
  readonly properties: readonly (readonly [name: string, own: Default])[];
  readonly isBelow: boolean;
}

/** What a schema fills in; its parts are looked at once, most of them have nothing to fill in. */
export class DefaultFiller {
  readonly #schema: Structural;
  readonly #found = new WeakMap<Structural, Defaults>();

  constructor(schema: Structural) {
    this.#schema = schema;
  }

  /** Changes `value`. A null where none may be counts as absent. Throws what upstream's etcd says of too large objects. */
  fill(value: unknown): void {
    new Filling((schema) => this.#of(schema)).at(value, this.#schema);
  }

  #of(schema: Structural): Defaults {
    const known = this.#found.get(schema);
    if (known !== undefined) return known;
    const properties: (readonly [string, Default])[] = [];
    let isBelow = false;
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const { own, isBelow: isWithin } = this.#of(property);
      if (own !== undefined) properties.push([name, own]);
      if (own !== undefined || isWithin) isBelow = true;
    }
    for (const inner of [valueSchemaOf(schema), itemsOf(schema)]) {
      if (inner === undefined) continue;
      const { own, isBelow: isWithin } = this.#of(inner);
      if (own !== undefined || isWithin) isBelow = true;
    }
    const found = { own: defaultOf(schema), properties, isBelow };
    this.#found.set(schema, found);
    return found;
  }
}

const defaultOf = (schema: Structural): Default | undefined =>
  hasDefault(schema)
    ? { value: schema.default, bytes: JSON.stringify(schema.default).length + entryBytes }
    : undefined;

class Filling {
  readonly #of: (schema: Structural) => Defaults;
  #addedBytes = 0;

  constructor(of: (schema: Structural) => Defaults) {
    this.#of = of;
  }

  at(value: unknown, schema: Structural | undefined): void {
    if (schema === undefined || typeof value !== "object" || value === null) return;
    const defaults = this.#of(schema);
    if (!defaults.isBelow) return;
    if (Array.isArray(value)) this.#list(value, itemsOf(schema));
    else if (isMap(value)) this.#map(value, schema, defaults);
  }

  #map(value: Record<string, unknown>, schema: Structural, { properties }: Defaults): void {
    for (const [key, own] of properties) {
      if (!Object.hasOwn(value, key) || isMisplacedNull(value[key], propertyOf(schema, key))) {
        setValue(value, key, this.#added(own, key.length));
      }
    }
    for (const key of Object.keys(value)) {
      const inner = fieldOf(schema, key);
      if (inner === undefined) continue;
      const own = value[key] === null ? this.#of(inner).own : undefined;
      if (own !== undefined && isMisplacedNull(value[key], inner)) setValue(value, key, this.#added(own, 0));
      this.at(value[key], inner);
    }
  }

  #list(list: unknown[], items: Structural | undefined): void {
    if (items === undefined) return;
    const { own } = this.#of(items);
    for (const [index, item] of list.entries()) {
      if (own !== undefined && isMisplacedNull(item, items)) list[index] = this.#added(own, 0);
      this.at(list[index], items);
    }
  }

  #added({ value, bytes }: Default, keyLength: number): unknown {
    this.#addedBytes += bytes + keyLength;
    if (this.#addedBytes > addedBytesMax) {
      throw failure({ code: 500, reason: "", message: "etcdserver: request is too large" });
    }
    return copyJson(value);
  }
}

/** Drops nulls of fields that can't be null and have no default either. Changes `value`. */
export function dropNulls(value: unknown, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, itemsOf(schema));
    return;
  }
  if (!isMap(value)) return;
  for (const key of Object.keys(value)) {
    const inner = fieldOf(schema, key);
    if (isMisplacedNull(value[key], inner) && !hasDefault(inner)) Reflect.deleteProperty(value, key);
    else dropNulls(value[key], inner);
  }
}
