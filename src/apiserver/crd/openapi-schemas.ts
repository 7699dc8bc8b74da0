/**
 * The schema of a custom resource as documents of OpenAPI have it: version 3 says all of it, version 2 what kubectl can
 * read. upstream: apiextensions-apiserver/pkg/controller/openapi/builder/builder.go (buildKubeNative),
 * apiextensions-apiserver/pkg/controller/openapi/v2/conversion.go, apiextensions-apiserver/pkg/apiserver/schema/unfold.go
 */
import { isDeepStrictEqual } from "node:util";
import {
  isEmbedded,
  itemsOf,
  keepsUnknown,
  propertyOf,
  valueSchemaOf,
  type Structural,
} from "#api/schema/structural/structural.ts";
import { refTo, type Definitions, type Schema } from "#apiserver/openapi/schemas.ts";

export const conventions =
  "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** What every resource says of itself. */
export const typeMeta = {
  apiVersion: {
    description: `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. ${conventions}#resources`,
    type: "string",
  },
  kind: {
    description: `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. ${conventions}#types-kinds`,
    type: "string",
  },
};

const embeddedTypeMeta = {
  apiVersion: {
    description: `apiVersion defines the versioned schema of this representation of an object. ${conventions}#resources`,
    type: "string",
  },
  kind: {
    description: `kind is a string value representing the type of this object. In CamelCase. ${conventions}#types-kinds`,
    type: "string",
  },
};

/** How one version of OpenAPI says it. */
interface Dialect {
  /** What it says of a schema, without what lies in it. */
  readonly said: (schema: Structural) => Structural;
  /** Whether fields may be named although others are taken, too. */
  readonly namesSomeFields: boolean;
  readonly metadata: Schema;
}

const description = `Standard object's metadata. ${conventions}#metadata`;

const openApi: Dialect = {
  said: unfolded,
  namesSomeFields: true,
  metadata: { allOf: [refTo(objectMeta)], description },
};

const swagger: Dialect = {
  said: swaggerSays,
  namesSomeFields: false,
  metadata: { $ref: `#/definitions/${objectMeta}`, description },
};

/** For version 3. */
export const openApiSchema = (schema: Structural): Schema => resourceSchema(schema, openApi);

/** For version 2: kubectl would take the fields it is told of for all there are. */
export const swaggerSchema = (schema: Structural): Schema =>
  keepsUnknown(schema) ? { type: "object" } : resourceSchema(schema, swagger);

function resourceSchema(schema: Structural, dialect: Dialect): Schema {
  const { properties, ...rest } = published({ ...schema, "x-kubernetes-embedded-resource": false }, dialect);
  return withMeta(rest, properties as Definitions | undefined, { ...typeMeta, metadata: dialect.metadata });
}

const withMeta = (schema: Schema, properties: Definitions = {}, meta: Definitions): Schema => ({
  type: "object",
  ...schema,
  properties: { ...properties, ...meta },
});

function published(schema: Structural, dialect: Dialect): Schema {
  const said = dialect.said(schema);
  const {
    properties,
    "x-kubernetes-embedded-resource": _embedded,
    // No part of what is structural.
    example: _example,
    externalDocs: _externalDocs,
    ...rest
  } = said;
  const [items, values] = [itemsOf(said), valueSchemaOf(said)];
  const fields =
    properties &&
    Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, published(property, dialect)]),
    );
  const own = {
    ...rest,
    ...(items === undefined ? {} : { items: published(items, dialect) }),
    ...(values === undefined ? {} : { additionalProperties: published(values, dialect) }),
  };
  if (!isEmbedded(schema)) return fields === undefined ? own : { ...own, properties: fields };
  const marked = { ...own, "x-kubernetes-embedded-resource": true };
  if (keepsUnknown(schema) && !dialect.namesSomeFields) return marked;
  const required = new Set([...(said.required ?? []), "kind", "apiVersion"]);
  const meta = { ...embeddedTypeMeta, metadata: dialect.metadata };
  return withMeta({ ...marked, required: [...required] }, fields, meta);
}

/** Who doesn't know the mark is told by a choice. */
function unfolded(schema: Structural): Structural {
  if (schema["x-kubernetes-int-or-string"] !== true) return schema;
  const { allOf = [], anyOf } = schema;
  if (isEither(anyOf) || isEither(allOf[0]?.anyOf)) return schema;
  return anyOf === undefined
    ? { ...schema, anyOf: either }
    : { ...schema, allOf: [{ anyOf: either }, ...allOf] };
}

const either: Structural[] = [{ type: "integer" }, { type: "string" }];
const isEither = (choice: readonly Structural[] | undefined): boolean => isDeepStrictEqual(choice, either);

/** Version 2 knows no choices and no null, and kubectl no type of which it isn't told everything. */
function swaggerSays(schema: Structural): Structural {
  const { allOf: _all, anyOf: _any, oneOf: _one, not: _not, ...choiceless } = schema;
  const { nullable, type, items, properties, required: _required, ...rest } = choiceless;
  const isKept = keepsUnknown(schema);
  const isOpen = nullable === true || isKept;
  const hasItems = !isOpen && items !== undefined;
  const isTyped = nullable !== true && !(isKept && type === "object") && !(type === "array" && !hasItems);
  return {
    ...rest,
    ...(isTyped && type !== undefined ? { type } : {}),
    ...(hasItems ? { items } : {}),
    ...(isOpen || properties === undefined ? {} : { properties }),
    ...requiredOf(schema, isOpen),
  };
}

/** What may be null is said to be of no type: it isn't asked for, either. */
function requiredOf(schema: Structural, isOpen: boolean): Pick<Structural, "required"> {
  if (valueSchemaOf(schema)?.nullable === true) return {};
  const required = (schema.required ?? []).filter(
    (name) => isOpen || propertyOf(schema, name)?.nullable !== true,
  );
  return required.length === 0 ? {} : { required };
}
