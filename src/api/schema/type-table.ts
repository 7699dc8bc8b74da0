/**
 * The shape of every struct of the API, as data: one table drives strict decoding, protobuf, patches and enum checks.
 * The table itself is generated (generated/), this file says what it means.
 */

export type ScalarType =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  /** JSON: base64 text. */
  | "bytes"
  | "quantity"
  | "intOrString"
  /** RFC 3339, seconds. */
  | "time"
  | "microTime"
  /** JSON: Go duration text. */
  | "duration"
  /** Any JSON value (RawExtension, FieldsV1, JSON): protobuf holds its bytes. */
  | "raw"
  /** JSONSchemaProps, or an array of them. */
  | "schemaOrArray"
  /** JSONSchemaProps, or a bool. */
  | "schemaOrBool"
  /** JSONSchemaProps, or an array of strings. */
  | "schemaOrStrings";

export interface FieldType {
  /** JSON name. */
  readonly name: string;
  /** Protobuf field number; 0 for a field that protobuf doesn't carry. */
  readonly id: number;
  /** What one value is: a scalar or a struct of the table by its full name ("io.k8s.api.core.v1.PodSpec"). */
  readonly scalar: ScalarType | undefined;
  readonly struct: string | undefined;
  readonly shape: "one" | "list" | "map";
  /** A named list (ExtraValue, Verbs): protobuf holds it as a message with its items. In a map, each value is one. */
  readonly wrapped: boolean;
  /** Go holds a pointer: absent and zero differ. */
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  /** Its fields appear in the parent's JSON; protobuf nests it under `id`. */
  readonly inline: boolean;
  readonly required: boolean;
  readonly patchMergeKey: string | undefined;
  /** Of "merge", "retainKeys", "replace". */
  readonly patchStrategy: readonly string[];
  readonly listType: "atomic" | "set" | "map" | undefined;
  readonly listMapKeys: readonly string[];
  /** The field's own, else (shape "one") its struct's. */
  readonly mapType: "atomic" | "granular" | undefined;
  readonly enum: readonly string[] | undefined;
  /** The default in the published schema, as JSON; also the zero value of a field that is always written. */
  readonly default: unknown;
}

export interface StructType {
  /** "io.k8s.api.apps.v1.DeploymentSpec" */
  readonly name: string;
  readonly fields: readonly FieldType[];
  /** Server-side apply takes it as one value. Matters for items of lists; fields say it themselves. */
  readonly mapType: "atomic" | "granular" | undefined;
  /** By JSON name, the fields of inlined structs included. */
  readonly byName: ReadonlyMap<string, FieldType>;
  /** By protobuf number, this struct's own fields only. */
  readonly byId: ReadonlyMap<number, FieldType>;
}

/** The whole table. Structs are built when first asked for. */
export interface TypeTable {
  struct(name: string): StructType | undefined;
  readonly names: readonly string[];
}
