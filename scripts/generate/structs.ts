/** Go's structs as the API sees them: JSON names, protobuf numbers, pointers. */
import { assert } from "#base/assert.ts";
import type { ScalarType } from "#api/schema/type-table.ts";
import type { GoField, GoType } from "./go-types.ts";

export interface Field {
  readonly name: string;
  readonly id: number;
  readonly scalar: ScalarType | undefined;
  readonly struct: string | undefined;
  readonly shape: "one" | "list" | "map";
  readonly wrapped: boolean;
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  readonly inline: boolean;
  readonly patchMergeKey: string | undefined;
  readonly patchStrategy: readonly string[];
}

export interface Struct {
  readonly name: string;
  readonly fields: readonly Field[];
}

const meta = "k8s.io/apimachinery/pkg/apis/meta/v1.";
const extensions = "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.";

/** Structs whose JSON isn't an object with their fields. */
const scalarStructs: Readonly<Record<string, ScalarType>> = {
  "k8s.io/apimachinery/pkg/api/resource.Quantity": "quantity",
  "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "intOrString",
  [`${meta}Time`]: "time",
  [`${meta}MicroTime`]: "microTime",
  [`${meta}Duration`]: "duration",
  "k8s.io/apimachinery/pkg/runtime.RawExtension": "raw",
  [`${meta}FieldsV1`]: "raw",
  [`${extensions}JSON`]: "raw",
  [`${extensions}JSONSchemaPropsOrArray`]: "schemaOrArray",
  [`${extensions}JSONSchemaPropsOrBool`]: "schemaOrBool",
  [`${extensions}JSONSchemaPropsOrStringArray`]: "schemaOrStrings",
};

const scalarKinds: Partial<Record<GoType["kind"], ScalarType>> = {
  bool: "bool",
  int: "int64",
  int32: "int32",
  int64: "int64",
  float64: "double",
  string: "string",
  interface: "raw",
};

/** The same struct in an older package: the API names it by the package that serves it. */
const plainName = (type: GoType): string => type.name.slice(type.name.indexOf(".") + 1);

const goName = (type: GoType): string => `${type.pkg}.${plainName(type)}`;

/** "k8s.io/api/core/v1.Pod" is "io.k8s.api.core.v1.Pod". */
const fullName = (type: GoType): string =>
  `${type.pkg.replace(/^k8s\.io\//, "io.k8s.").replaceAll("/", ".")}.${plainName(type)}`;

interface Shape {
  readonly value: GoType;
  readonly shape: Field["shape"];
  readonly pointer: boolean;
  readonly wrapped: boolean;
}

function shapeOf(type: GoType, repeated: boolean): Shape {
  if (type.kind === "pointer" && type.elem !== undefined) {
    return { ...shapeOf(type.elem, repeated), pointer: true };
  }
  const isBytes = type.kind === "slice" && type.elem?.kind === "uint8";
  if (type.kind === "slice" && type.elem !== undefined && !isBytes) {
    return { value: type.elem, shape: "list", pointer: false, wrapped: type.name !== "" && !repeated };
  }
  if (type.kind === "map" && type.elem !== undefined) {
    const inner = shapeOf(type.elem, false);
    return { value: inner.value, shape: "map", pointer: false, wrapped: inner.shape === "list" };
  }
  return { value: type, shape: "one", pointer: false, wrapped: false };
}

function tagOf(tag: string, key: string): string | undefined {
  return new RegExp(`\\b${key}:"([^"]*)"`).exec(tag)?.[1];
}

/** Collects a struct and all it holds. */
export class StructCollector {
  readonly structs = new Map<string, Struct>();

  add(type: GoType): void {
    const name = fullName(type);
    if (this.structs.has(name)) return;
    const fields: Field[] = [];
    this.structs.set(name, { name, fields });
    for (const field of type.fields) fields.push(...this.#fieldsOf(field));
  }

  #fieldsOf(field: GoField): Field[] {
    const [name = "", ...flags] = (tagOf(field.tag, "json") ?? "").split(",");
    if (name === "-") return [];
    const inline = flags.includes("inline") || (field.embedded && name === "");
    const protobuf = (tagOf(field.tag, "protobuf") ?? "").split(",");
    const shape = shapeOf(field.type, protobuf[2] === "rep");
    if (inline && protobuf.length === 1) {
      return shape.value.fields
        .flatMap((inner) => this.#fieldsOf(inner))
        .map((inner) => ({ ...inner, id: 0 }));
    }
    return [
      {
        name: inline ? "" : name,
        id: protobuf.length === 1 ? 0 : Number(protobuf[1]),
        ...this.#valueOf(shape.value),
        shape: shape.shape,
        wrapped: shape.wrapped,
        pointer: shape.pointer,
        omitEmpty: flags.includes("omitempty"),
        inline,
        patchMergeKey: tagOf(field.tag, "patchMergeKey"),
        patchStrategy: tagOf(field.tag, "patchStrategy")?.split(",") ?? [],
      },
    ];
  }

  #valueOf(type: GoType): Pick<Field, "scalar" | "struct"> {
    if (type.kind === "slice") return { scalar: "bytes", struct: undefined };
    const scalar = type.kind === "struct" ? scalarStructs[goName(type)] : scalarKinds[type.kind];
    if (scalar !== undefined) return { scalar, struct: undefined };
    assert(type.kind === "struct", `no scalar for ${type.kind} ${type.name}`);
    this.add(type);
    return { scalar: undefined, struct: fullName(type) };
  }
}
