/** Defaults must themselves be as the schema wants them. upstream: apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go */
import { fieldErrorText, invalid, type FieldError } from "../../meta/field-error.ts";
import { jsonEqual } from "../../patch/json-value.ts";
import { listTypeFaults } from "./list-types.ts";
import { coerceMeta, metaFaults, type MetaReader } from "./object-meta.ts";
import { prune } from "./prune.ts";
import type { RuleFaults } from "./rules.ts";
import { asResource, hasDefault, isEmbedded, itemsOf, metaFields, type Structural } from "./structural.ts";
import { compileSchema, faultsOf, type CompilePattern } from "./validate.ts";

export interface DefaultDeps {
  readonly read: MetaReader;
  readonly rules: RuleFaults;
  readonly compilePattern: CompilePattern;
}

/** Puts a value where it belongs in an otherwise plain object. */
type Surround = (value: unknown) => unknown;

interface Place {
  readonly path: string;
  /** The resource that this is metadata of, and how to get there. */
  readonly resource: Structural;
  readonly surround: Surround;
  readonly isMeta: boolean;
}

const plainResource = (content: object): unknown => ({
  apiVersion: "validation/v1",
  kind: "Validation",
  ...content,
});

export function defaultFaults(schema: Structural, path: string, deps: DefaultDeps): FieldError[] {
  const root = asResource(schema);
  return walk(root, { path, resource: root, surround: (value) => value, isMeta: false }, deps);
}

function walk(schema: Structural, outer: Place, deps: DefaultDeps): FieldError[] {
  const isRoot = isEmbedded(schema);
  const place: Place = isRoot
    ? { ...outer, resource: schema, surround: (value) => value, isMeta: false }
    : outer;
  const faults = hasDefault(schema) ? ownFaults(schema, place, deps) : [];
  const items = itemsOf(schema);
  if (items !== undefined) {
    const surround: Surround = (value) => place.surround([value]);
    faults.push(...walk(items, { ...place, path: `${place.path}.items`, surround }, deps));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inner: Place = {
      ...place,
      path: `${place.path}.properties[${name}]`,
      surround: (value) => place.surround(isRoot ? plainResource({ [name]: value }) : { [name]: value }),
      isMeta: place.isMeta || (isRoot && metaFields.has(name)),
    };
    faults.push(...walk(property, inner, deps));
  }
  return faults;
}

function ownFaults(schema: Structural, place: Place, deps: DefaultDeps): FieldError[] {
  const path = `${place.path}.default`;
  const value: unknown = structuredClone(schema.default);
  const own = place.isMeta
    ? withinMetaFaults(value, place, path, deps.read)
    : contentFaults(value, schema, path, deps.read);
  if (own.length > 0) return own;
  const faults = faultsOf(compileSchema(schema, deps.compilePattern)(value, "", undefined), path);
  const all = place.isMeta ? faults : [...faults, ...listTypeFaults(value, schema, path)];
  return all.length > 0 ? all : [...deps.rules(schema, value, path)];
}

function contentFaults(value: unknown, schema: Structural, path: string, read: MetaReader): FieldError[] {
  const pruned: unknown = structuredClone(value);
  prune(pruned, schema, isEmbedded(schema));
  const faults = jsonEqual(pruned, value) ? [] : [invalid(path, value, "must not have unknown fields")];
  const isResource = isEmbedded(schema);
  const { fault } = coerceMeta(value, schema, { read, dropsMisfits: false, isResource }, path);
  return [...faults, ...(fault === undefined ? metaFaults(value, schema, isResource, path) : [fault])];
}

function withinMetaFaults(value: unknown, place: Place, path: string, read: MetaReader): FieldError[] {
  const whole: unknown = place.surround(structuredClone(value));
  const options = { read, dropsMisfits: false, isResource: true };
  const { fault } = coerceMeta(whole, place.resource, options);
  const found = fault === undefined ? metaFaults(whole, place.resource, true) : [fault];
  if (found.length === 0) return [];
  const texts = found.map(fieldErrorText);
  const text = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
  return [invalid(path, value, `must result in valid metadata: ${text}`)];
}
