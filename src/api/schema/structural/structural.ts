/**
 * A structural schema: the JSONSchemaProps of a custom resource's version, once the rules of structurality.ts have found
 * nothing in it. What is asked of one schema again and again is here. upstream: apiextensions-apiserver/pkg/apiserver/schema/structural.go
 */
import { ownValue } from "#base/own-value.ts";
import type { JSONSchemaProps } from "../../generated/types/apiextensions-v1.ts";

export type Structural = JSONSchemaProps;

/** Own to every object, whatever its schema says of them. */
export const metaFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/** The schema of list items; undefined also for the forbidden list of schemas. */
export function itemsOf(schema: Structural | undefined): Structural | undefined {
  const items = schema?.items;
  return Array.isArray(items) ? undefined : items;
}

/** The schema of the values of a map; true where they may be anything. */
export const valuesOf = (schema: Structural): Structural | boolean | undefined => schema.additionalProperties;

/** The same, where it says something. */
export function valueSchemaOf(schema: Structural | undefined): Structural | undefined {
  const values = schema?.additionalProperties;
  return typeof values === "object" ? values : undefined;
}

/** The schema of one property, never an inherited one. */
export function propertyOf(schema: Structural | undefined, name: string): Structural | undefined {
  const properties = schema?.properties;
  return ownValue(properties, name);
}

/** The schema of what lies under a key: a property, or a value of a map. */
export const fieldOf = (schema: Structural | undefined, key: string): Structural | undefined =>
  propertyOf(schema, key) ?? valueSchemaOf(schema);

export const keepsUnknown = (schema: Structural | undefined): boolean =>
  schema?.["x-kubernetes-preserve-unknown-fields"] === true;

export const isEmbedded = (schema: Structural | undefined): boolean =>
  schema?.["x-kubernetes-embedded-resource"] === true;

/** The root of a resource is treated as an embedded one. */
export const asResource = (schema: Structural | undefined): Structural => ({
  ...schema,
  "x-kubernetes-embedded-resource": true,
});

export const hasDefault = (schema: Structural | undefined): boolean =>
  schema?.default !== undefined && schema.default !== null;

/** Whether some schema in this one is as asked; all places are looked at, the forbidden ones too. */
export function schemaHas(schema: Structural | undefined, is: (schema: Structural) => boolean): boolean {
  if (schema === undefined) return false;
  return is(schema) || hasInner(schema, (inner) => schemaHas(inner, is));
}

/** Schemas may be some hundred thousand, and most have nothing in them: no lists are made of what there is. */
function hasInner(schema: Structural, is: (inner: Structural) => boolean): boolean {
  const { items, not, additionalProperties, additionalItems, dependencies } = schema;
  if (Array.isArray(items) ? items.some(is) : items !== undefined && is(items)) return true;
  for (const list of [schema.allOf, schema.anyOf, schema.oneOf]) if (list?.some(is) === true) return true;
  for (const map of [schema.properties, schema.patternProperties, schema.definitions]) {
    if (map !== undefined && Object.values(map).some(is)) return true;
  }
  const isDependent = (each: Structural | readonly string[]): boolean => isSchema(each) && is(each);
  if (dependencies !== undefined && Object.values(dependencies).some(isDependent)) return true;
  for (const each of [not, additionalProperties, additionalItems]) {
    if (typeof each === "object" && is(each)) return true;
  }
  return false;
}

const isSchema = (each: Structural | readonly string[]): each is Structural => !Array.isArray(each);
