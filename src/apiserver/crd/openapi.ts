/**
 * What the documents of OpenAPI say of custom resources: a document for each group and version.
 * upstream: apiextensions-apiserver/pkg/controller/openapi/builder/builder.go
 */
import { createHash } from "node:crypto";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "#api/generated/types/apiextensions-v1.ts";
import { apiVersionOf, type GroupVersion, type GroupVersionKind } from "#api/meta/object.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { Structural } from "#api/schema/structural/structural.ts";
import { patchMediaTypes, PathWriter } from "#apiserver/openapi/paths.ts";
import { refTo, SchemaWriter, type Schema } from "#apiserver/openapi/schemas.ts";
import {
  documentFormat,
  kindsBy,
  rootsOf,
  type BuiltinDeps,
  type OpenApiDocument,
  type OpenApiSource,
} from "#apiserver/openapi/v3.ts";
import { customStruct } from "./custom-struct.ts";
import { conventions, openApiSchema, swaggerSchema, typeMeta } from "./openapi-schemas.ts";

export interface CustomSourcesDeps extends BuiltinDeps {
  /** Another list when something has changed. */
  readonly resources: () => readonly ResourceDefinition[];
  readonly definitions: () => readonly CustomResourceDefinition[];
}

/** Without the types of its struct nobody knows how a list is merged. */
const customPatchMediaTypes = patchMediaTypes.filter((type) => !type.includes("strategic"));
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

export class CustomSources {
  readonly #deps: CustomSourcesDeps;
  #made:
    | { readonly of: readonly ResourceDefinition[]; readonly sources: readonly OpenApiSource[] }
    | undefined;

  constructor(deps: CustomSourcesDeps) {
    this.#deps = deps;
  }

  /** The same list while nothing has changed. */
  sources(): readonly OpenApiSource[] {
    const of = this.#deps.resources();
    if (this.#made?.of !== of) this.#made = { of, sources: this.#make(of) };
    return this.#made.sources;
  }

  #make(resources: readonly ResourceDefinition[]): OpenApiSource[] {
    const definitions = new Map(
      this.#deps.definitions().map((crd) => [`${crd.spec.names.plural}.${crd.spec.group}`, crd]),
    );
    const texts = this.#deps.descriptions.digest();
    return [...Map.groupBy(resources, apiVersionOf)].map(([apiVersion, members]) => {
      const published = members.map((definition): Published => {
        const version = versionOf(definition, definitions.get(`${definition.resource}.${definition.group}`));
        const schema = version?.schema?.openAPIV3Schema ?? { type: "object" };
        return { definition, schema, marks: { ...marked(definition), ...selectable(version) } };
      });
      const hash = createHash("sha512")
        .update(JSON.stringify([documentFormat, this.#deps.version, texts, published]))
        .digest("hex")
        .toUpperCase();
      return {
        path: `apis/${apiVersion}`,
        hash,
        build: () => this.#document(published),
        swaggerDefinitions: () =>
          Object.fromEntries(
            published.map(({ definition, schema, marks }) => [
              definition.struct,
              { ...swaggerSchema(schema), ...marks },
            ]),
          ),
      };
    });
  }

  #document(published: readonly Published[]): OpenApiDocument {
    const members = published.map(({ definition }) => definition);
    const [own] = members;
    const writer = new SchemaWriter({ ...this.#deps, kindsOf: kindsBy(this.#deps.scheme) });
    const isCustom = new Set(members.flatMap(({ struct }) => [struct, `${struct}List`]));
    const roots = [...rootsOf(members)].filter((name) => !isCustom.has(name));
    const known = writer.closure([...roots, `${meta}.ObjectMeta`, `${meta}.ListMeta`]);
    const custom = published.flatMap(customSchemas);
    const all = Object.entries({ ...known, ...Object.fromEntries(custom) });
    const paths = new PathWriter({ ...this.#deps, patchMediaTypes: customPatchMediaTypes }).paths(
      own as GroupVersion,
      members,
    );
    const schemas = Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    return {
      openapi: "3.0.0",
      info: { title: "Kubernetes CRD Swagger", version: "v0.1.0" },
      paths,
      components: { schemas },
    };
  }
}

/** What there is to say of one kind. */
interface Published {
  readonly definition: ResourceDefinition;
  readonly schema: Structural;
  /** Beside what its fields are. */
  readonly marks: Schema;
}

const versionOf = (
  { version }: ResourceDefinition,
  crd: CustomResourceDefinition | undefined,
): CustomResourceDefinitionVersion | undefined => crd?.spec.versions.find(({ name }) => name === version);

function selectable(version: CustomResourceDefinitionVersion | undefined): Schema {
  const fields = version?.selectableFields?.map(({ jsonPath }) => ({
    fieldPath: jsonPath.replace(/^\./, ""),
  }));
  return fields === undefined ? {} : { "x-kubernetes-selectable-fields": fields };
}

const marked = (kinds: GroupVersionKind): Schema => ({
  "x-kubernetes-group-version-kind": [{ group: kinds.group, kind: kinds.kind, version: kinds.version }],
});

function customSchemas({
  definition,
  schema,
  marks,
}: Published): (readonly [name: string, schema: Schema])[] {
  const { group, version, kind, listKind, resource, struct } = definition;
  const list: Schema = {
    description: `${listKind} is a list of ${kind}`,
    properties: {
      ...typeMeta,
      items: { description: `List of ${resource}. ${conventions}`, items: refTo(struct), type: "array" },
      metadata: {
        allOf: [refTo(`${meta}.ListMeta`)],
        description: `Standard list metadata. ${conventions}#types-kinds`,
      },
    },
    required: ["items"],
    type: "object",
    ...marked({ group, version, kind: listKind }),
  };
  const own: Schema = { ...openApiSchema(schema), ...marks };
  return [
    [struct, own],
    [customStruct({ group, version, kind: `${kind}List` }), list],
  ];
}
