/**
 * A structural schema: the JSONSchemaProps of a custom resource's version, once the rules of structurality.ts have found
 * nothing in it. What is asked of one schema again and again is here. upstream: apiextensions-apiserver/pkg/apiserver/schema/structural.go
 */
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
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
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
  return is(schema) || innerSchemas(schema).some((inner) => schemaHas(inner, is));
}

function innerSchemas(schema: Structural): Structural[] {
  const { items, not, properties, patternProperties, definitions, dependencies } = schema;
  const lists = [items, schema.allOf, schema.anyOf, schema.oneOf].flatMap((each) => each ?? []);
  const maps = [properties, patternProperties, definitions].flatMap((each) => Object.values(each ?? {}));
  const dependent = Object.values(dependencies ?? {}).flatMap((each) => (Array.isArray(each) ? [] : [each]));
  const maybe = [not, schema.additionalProperties, schema.additionalItems].filter(
    (each) => typeof each === "object",
  );
  return [...lists, ...maps, ...dependent, ...maybe];
}
