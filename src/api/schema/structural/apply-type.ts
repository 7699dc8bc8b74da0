/**
 * How server-side apply sees a structural schema. upstream: apiextensions-apiserver/pkg/controller/openapi/builder,
 * apimachinery/pkg/util/managedfields/gvkparser.go
 */
import {
  deducedType,
  fieldOf,
  listOf,
  mapOf,
  scalarType,
  structOf,
  untypedAtomic,
  type ApplyType,
  type Field,
  type ScalarKind,
} from "../../patch/apply/schema.ts";
import { isEmbedded, itemsOf, keepsUnknown, metaFields, valuesOf, type Structural } from "./structural.ts";

const scalars: ReadonlyMap<string, ScalarKind> = new Map<string, ScalarKind>([
  ["string", "string"],
  ["boolean", "boolean"],
  ["integer", "numeric"],
  ["number", "numeric"],
]);

/** Of a whole resource. `meta` is the type of all metadata. */
export function resourceApplyType(schema: Structural, meta: () => ApplyType): ApplyType {
  return new TypeMaker(meta).resource(schema);
}

class TypeMaker {
  readonly #meta: () => ApplyType;

  constructor(meta: () => ApplyType) {
    this.#meta = meta;
  }

  resource(schema: Structural): ApplyType {
    const own = Object.entries(schema.properties ?? {}).filter(([name]) => !metaFields.has(name));
    const fields: Field[] = [
      fieldOf("apiVersion", () => scalarType("string")),
      fieldOf("kind", () => scalarType("string")),
      fieldOf("metadata", this.#meta),
      ...own.map(([name, property]) => this.#field(name, property)),
    ];
    return structOf(fields, mapKind(schema), keepsUnknown(schema) ? () => deducedType : undefined);
  }

  #field(name: string, schema: Structural): Field {
    return fieldOf(name, () => this.#type(schema), { default: schema.default });
  }

  #type(schema: Structural): ApplyType {
    if (schema["x-kubernetes-int-or-string"] === true) return scalarType("untyped");
    const { type = "" } = schema;
    const scalar = scalars.get(type);
    if (scalar !== undefined) return scalarType(scalar);
    if (type === "array") return this.#list(schema);
    if (type === "object") return this.#object(schema);
    return keepsUnknown(schema) ? deducedType : untypedAtomic;
  }

  #list(schema: Structural): ApplyType {
    const items = itemsOf(schema);
    const element = (): ApplyType => (items === undefined ? untypedAtomic : this.#type(items));
    switch (schema["x-kubernetes-list-type"]) {
      case "map":
        return listOf(element, schema["x-kubernetes-list-map-keys"] ?? []);
      case "set":
        return listOf(element, "set");
      case undefined:
      default:
        return listOf(element, "atomic");
    }
  }

  #object(schema: Structural): ApplyType {
    if (isEmbedded(schema)) return this.resource(schema);
    const values = valuesOf(schema);
    const how = mapKind(schema);
    if (values !== undefined && values !== false && schema.properties === undefined) {
      return mapOf(() => (values === true ? deducedType : this.#type(values)), how);
    }
    const fields = Object.entries(schema.properties ?? {}).map(([name, property]) =>
      this.#field(name, property),
    );
    return structOf(fields, how, keepsUnknown(schema) ? () => deducedType : undefined);
  }
}

const mapKind = (schema: Structural): "atomic" | "granular" =>
  schema["x-kubernetes-map-type"] === "atomic" ? "atomic" : "granular";
