/** Structs of the type table as OpenAPI schemas. upstream: kube-openapi/pkg/{generators,builder3} */
import { assert } from "#base/assert.ts";
import { schemaMarks } from "#api/facts/schema.ts";
import type { GroupVersionKind } from "#api/meta/object.ts";
import type { FieldType, ScalarType, TypeTable } from "#api/schema/type-table.ts";
import type { Descriptions } from "./descriptions.ts";

export type Schema = Readonly<Record<string, unknown>>;

export interface SchemaDeps {
  readonly table: TypeTable;
  readonly descriptions: Descriptions;
  /** The kinds that a struct is the form of. */
  readonly kindsOf: (struct: string) => readonly GroupVersionKind[];
}

/** The named schemas of one document. */
export type Definitions = Readonly<Record<string, Schema>>;

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const rawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension";
const patch = `${meta}.Patch`;

interface Plain {
  readonly type: string;
  readonly format?: string;
  readonly zero: unknown;
}

/** Scalars that are written where they are used; the others have a schema of their own. */
const plainScalars: ReadonlyMap<ScalarType, Plain> = new Map<ScalarType, Plain>([
  ["string", { type: "string", zero: "" }],
  ["bool", { type: "boolean", zero: false }],
  ["int32", { type: "integer", format: "int32", zero: 0 }],
  ["int64", { type: "integer", format: "int64", zero: 0 }],
  ["double", { type: "number", format: "double", zero: 0 }],
  ["bytes", { type: "string", format: "byte", zero: undefined }],
]);

const namedScalars: ReadonlyMap<ScalarType, string> = new Map<ScalarType, string>([
  ["quantity", "io.k8s.apimachinery.pkg.api.resource.Quantity"],
  ["intOrString", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"],
  ["time", `${meta}.Time`],
  ["microTime", `${meta}.MicroTime`],
  ["duration", `${meta}.Duration`],
  ["schemaOrArray", `${extensions}.JSONSchemaPropsOrArray`],
  ["schemaOrBool", `${extensions}.JSONSchemaPropsOrBool`],
  ["schemaOrStrings", `${extensions}.JSONSchemaPropsOrStringArray`],
]);

const numberOrText = [{ type: "string" }, { type: "number" }];
const integerOrText = [{ type: "integer" }, { type: "string" }];

export const versionSchema = "io.k8s.apimachinery.pkg.version.Info";
const alwaysSaid = [
  "major",
  "minor",
  "gitVersion",
  "gitCommit",
  "gitTreeState",
  "buildDate",
  "goVersion",
  "compiler",
  "platform",
];
const sometimesSaid = ["emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"];

/** Schemas of what isn't a struct of the table. */
export const writtenSchemas: Definitions = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": { oneOf: numberOrText },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": { format: "int-or-string", oneOf: integerOrText },
  [`${meta}.Time`]: { format: "date-time", type: "string" },
  [`${meta}.MicroTime`]: { format: "date-time", type: "string" },
  [`${meta}.Duration`]: { type: "string" },
  [`${meta}.FieldsV1`]: { type: "object" },
  [patch]: { type: "object" },
  [rawExtension]: { type: "object" },
  [versionSchema]: {
    properties: {
      ...Object.fromEntries(alwaysSaid.map((name) => [name, { default: "", type: "string" }])),
      ...Object.fromEntries(sometimesSaid.map((name) => [name, { type: "string" }])),
    },
    required: alwaysSaid,
    type: "object",
  },
  [`${extensions}.JSON`]: {},
  [`${extensions}.JSONSchemaPropsOrArray`]: {},
  [`${extensions}.JSONSchemaPropsOrBool`]: {},
  [`${extensions}.JSONSchemaPropsOrStringArray`]: {},
};

const refPrefix = "#/components/schemas/";

export const patchSchema = patch;
export const refTo = (name: string): Schema => ({ $ref: `${refPrefix}${name}` });

/** Raw JSON goes by three names upstream. */
function rawName(struct: string): string {
  if (struct === `${meta}.ManagedFieldsEntry`) return `${meta}.FieldsV1`;
  return struct === `${extensions}.JSONSchemaProps` ? `${extensions}.JSON` : rawExtension;
}

/** "io.k8s.api.core.v1.Pod" is "core.v1.Pod" to the facts. */
const shortName = (struct: string): string => struct.split(".").slice(-3).join(".");

export class SchemaWriter {
  readonly #deps: SchemaDeps;

  constructor(deps: SchemaDeps) {
    this.#deps = deps;
  }

  /** The schemas of `roots` and of all they refer to, by name. */
  closure(roots: Iterable<string>): Definitions {
    const found = new Map<string, Schema>();
    const left = [...roots];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (found.has(name)) continue;
      const schema = this.schema(name);
      found.set(name, schema);
      left.push(...referencesOf(schema));
    }
    return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  schema(name: string): Schema {
    const written = writtenSchemas[name];
    const described = this.#described(name);
    if (written !== undefined) return { ...described, ...written };
    const struct = this.#deps.table.struct(name);
    assert(struct !== undefined, `no struct ${name}`);
    const fields = [...struct.byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    // In Go's order, as upstream has them.
    const required = [...struct.byName.values()]
      .filter((field) => field.required)
      .map(({ name: own }) => own);
    const kinds = this.#deps.kindsOf(name);
    return {
      ...described,
      ...(fields.length === 0
        ? {}
        : {
            properties: Object.fromEntries(fields.map((field) => [field.name, this.#property(name, field)])),
          }),
      ...(required.length === 0 ? {} : { required }),
      type: "object",
      ...(kinds.length === 0
        ? {}
        : {
            "x-kubernetes-group-version-kind": kinds.map(({ group, version, kind }) => ({
              group,
              kind,
              version,
            })),
          }),
      ...(struct.mapType === undefined ? {} : { "x-kubernetes-map-type": struct.mapType }),
      ...schemaMarks[shortName(name)],
    };
  }

  #described(struct: string, field?: string): { readonly description?: string } {
    const description = this.#deps.descriptions.of(struct, field);
    return description === undefined ? {} : { description };
  }

  #property(struct: string, field: FieldType): Schema {
    const described = this.#described(struct, field.name);
    const marks = mergeMarks(field);
    if (field.shape === "list") {
      return { ...described, items: itemSchema(struct, field), type: "array", ...marks };
    }
    if (field.shape === "map") {
      return { ...described, additionalProperties: valueSchema(struct, field), type: "object", ...marks };
    }
    const extra = {
      ...described,
      ...(field.default === undefined ? {} : { default: field.default }),
      ...marks,
      ...schemaMarks[`${shortName(struct)}.${field.name}`],
      ...enumOf(struct, field),
    };
    const plain = field.scalar === undefined ? undefined : plainScalars.get(field.scalar);
    if (plain !== undefined) return { ...typeOf(plain), ...extra };
    const reference = refTo(refName(struct, field));
    return Object.keys(extra).length === 0 ? reference : { allOf: [reference], ...extra };
  }
}

/** The values of a closed set, in the order of the alphabet, as upstream writes them. upstream: kube-openapi/pkg/generators/enum.go */
export function publishedEnum(struct: string, field: FieldType): readonly string[] | undefined {
  const marked = schemaMarks[`${shortName(struct)}.${field.name}`]?.["enum"] as readonly string[] | undefined;
  return marked ?? field.enum?.toSorted();
}

function enumOf(struct: string, field: FieldType): { readonly enum?: readonly string[] } {
  const values = publishedEnum(struct, field);
  return values === undefined ? {} : { enum: values };
}

const typeOf = ({ type, format }: Plain): Schema => (format === undefined ? { type } : { format, type });

function refName(struct: string, field: FieldType): string {
  if (field.struct !== undefined) return field.struct;
  return (field.scalar === undefined ? undefined : namedScalars.get(field.scalar)) ?? rawName(struct);
}

function itemSchema(struct: string, field: FieldType): Schema {
  const plain = field.scalar === undefined ? undefined : plainScalars.get(field.scalar);
  if (plain === undefined) {
    const reference = refTo(refName(struct, field));
    return field.struct === undefined ? reference : { allOf: [reference], default: {} };
  }
  return {
    ...(plain.zero === undefined ? {} : { default: plain.zero }),
    ...enumOf(struct, field),
    ...typeOf(plain),
  };
}

function valueSchema(struct: string, field: FieldType): Schema {
  const item = itemSchema(struct, field);
  return field.wrapped ? { items: item, type: "array" } : item;
}

function mergeMarks(field: FieldType): Schema {
  const isOwn = field.mapType !== undefined && (field.shape !== "one" || field.mapType === "granular");
  return {
    ...(field.listMapKeys.length === 0 ? {} : { "x-kubernetes-list-map-keys": field.listMapKeys }),
    ...(field.listType === undefined ? {} : { "x-kubernetes-list-type": field.listType }),
    ...(isOwn ? { "x-kubernetes-map-type": field.mapType } : {}),
    ...(field.patchMergeKey === undefined ? {} : { "x-kubernetes-patch-merge-key": field.patchMergeKey }),
    ...(field.patchStrategy.length === 0
      ? {}
      : { "x-kubernetes-patch-strategy": field.patchStrategy.join(",") }),
  };
}

function referencesOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === "$ref" && typeof value === "string" ? [value.slice(refPrefix.length)] : referencesOf(value),
  );
}
