/**
 * What the documents of OpenAPI say of custom resources: a document for each group and version.
 * upstream: apiextensions-apiserver/pkg/controller/openapi/builder/builder.go
 */
import { createHash } from "node:crypto";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { apiVersionOf, type GroupVersion, type GroupVersionKind } from "#api/meta/object.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { Structural } from "#api/schema/structural/structural.ts";
import { PathWriter } from "#apiserver/openapi/paths.ts";
import { refTo, SchemaWriter, type Schema } from "#apiserver/openapi/schemas.ts";
import {
  documentFormat,
  documentOf,
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
    return [...Map.groupBy(resources, apiVersionOf)].map(([apiVersion, members]) => {
      const schemas = members.map((member) =>
        schemaOf(member, definitions.get(`${member.resource}.${member.group}`)),
      );
      const hash = createHash("sha512")
        .update(JSON.stringify([documentFormat, this.#deps.version, members, schemas]))
        .digest("hex")
        .toUpperCase();
      return {
        path: `apis/${apiVersion}`,
        hash,
        build: () => this.#document(members, schemas),
        swaggerDefinitions: () =>
          Object.fromEntries(
            members.map((member, index) => {
              const schema = swaggerSchema(schemas[index] ?? {});
              return [member.struct, { ...schema, ...marked(member) }];
            }),
          ),
      };
    });
  }

  #document(members: readonly ResourceDefinition[], schemas: readonly Structural[]): OpenApiDocument {
    const [own] = members;
    const writer = new SchemaWriter({ ...this.#deps, kindsOf: kindsBy(this.#deps.scheme) });
    const isCustom = new Set(members.flatMap(({ struct }) => [struct, `${struct}List`]));
    const roots = [...rootsOf(members)].filter((name) => !isCustom.has(name));
    const known = writer.closure([...roots, `${meta}.ObjectMeta`, `${meta}.ListMeta`]);
    const custom = members.flatMap((member, index) => customSchemas(member, schemas[index] ?? {}));
    const all = Object.entries({ ...known, ...Object.fromEntries(custom) });
    const paths = new PathWriter(this.#deps).paths(own as GroupVersion, members);
    return documentOf(paths, Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1))));
  }
}

const schemaOf = ({ version }: ResourceDefinition, crd: CustomResourceDefinition | undefined): Structural =>
  crd?.spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema ?? { type: "object" };

const marked = (kinds: GroupVersionKind): Schema => ({
  "x-kubernetes-group-version-kind": [{ group: kinds.group, kind: kinds.kind, version: kinds.version }],
});

function customSchemas(
  definition: ResourceDefinition,
  schema: Structural,
): (readonly [name: string, schema: Schema])[] {
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
  const own: Schema = { ...openApiSchema(schema), ...marked({ group, version, kind }) };
  return [
    [struct, own],
    [customStruct({ group, version, kind: `${kind}List` }), list],
  ];
}
