/** What x-kubernetes-list-type and its like ask of a schema. upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go */
import type { JSONSchemaProps } from "../generated/types/apiextensions-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { repeatedAt } from "../meta/field-rules.ts";
import { propertyOf } from "../schema/structural/structural.ts";

const listType = "x-kubernetes-list-type";
const mapType = "x-kubernetes-map-type";
const mapKeys = "x-kubernetes-list-map-keys";

export function checkMapSchema(schema: JSONSchemaProps, path: string, faults: FaultList): void {
  const own = schema[mapType];
  if (own === undefined) return;
  checkType(schema, { path, wanted: "object", because: mapType }, faults);
  faults.optionalOneOf(`${path}.${mapType}`, own, ["atomic", "granular"]);
}

export function checkListSchema(schema: JSONSchemaProps, path: string, faults: FaultList): void {
  const own = schema[listType];
  const keys = schema[mapKeys] ?? [];
  if (own !== undefined && schema.type !== "array") {
    checkType(schema, { path, wanted: "array", because: listType }, faults);
  } else if (own === "set") checkSetItems(schema, path, faults);
  faults.optionalOneOf(`${path}.${listType}`, own, ["atomic", "set", "map"]);
  if (keys.length > 0 && own !== "map") {
    const why = "must be map if x-kubernetes-list-map-keys is non-empty";
    if (own === undefined) faults.required(`${path}.${listType}`, why);
    else faults.invalid(`${path}.${listType}`, own, why);
  }
  if (own === "map") checkMapItems(schema, keys, path, faults);
  if (own === "map" || own === "set") checkNullable(schema, own, path, faults);
}

function checkType(
  { type = "" }: JSONSchemaProps,
  { path, wanted, because }: { readonly path: string; readonly wanted: string; readonly because: string },
  faults: FaultList,
): void {
  const why = `must be ${wanted} if ${because} is specified`;
  if (type === "") faults.required(`${path}.type`, why);
  else if (type !== wanted) faults.invalid(`${path}.type`, type, why);
}

/** Items of sets are told apart as a whole. */
function checkSetItems({ items }: JSONSchemaProps, path: string, faults: FaultList): void {
  if (items === undefined || Array.isArray(items)) return;
  const why = "must be atomic as item of a list with x-kubernetes-list-type=set";
  const inner = items[listType];
  if (items.type === "array" && inner !== undefined && inner !== "atomic") {
    faults.invalid(`${path}.items.${listType}`, inner, why);
  }
  if (items.type === "object" && items[mapType] !== "atomic") {
    faults.invalid(`${path}.items.${mapType}`, inner ?? null, why);
  }
}

function checkMapItems(
  schema: JSONSchemaProps,
  keys: readonly string[],
  path: string,
  faults: FaultList,
): void {
  const { items } = schema;
  if (keys.length === 0) {
    faults.required(`${path}.${mapKeys}`, "must not be empty if x-kubernetes-list-type is map");
  }
  if (items === undefined) {
    faults.required(`${path}.items`, "must have a schema if x-kubernetes-list-type is map");
    return;
  }
  if (Array.isArray(items)) {
    faults.invalid(`${path}.items`, items, "must only have a single schema if x-kubernetes-list-type is map");
    return;
  }
  if (items.type !== "object") {
    faults.invalid(
      `${path}.items.type`,
      items.type ?? "",
      "must be object if parent array's x-kubernetes-list-type is map",
    );
    return;
  }
  const repeated = repeatedAt(keys);
  for (const [index, key] of keys.entries()) {
    const property = propertyOf(items, key);
    const type = property?.type;
    if (property === undefined) {
      faults.invalid(`${path}.${mapKeys}`, keys, "entries must all be names of item properties");
    } else if (type === "array" || type === "object") {
      const field = `${path}.items.properties[${key}].type`;
      faults.invalid(
        field,
        items.type,
        "must be a scalar type if parent array's x-kubernetes-list-type is map",
      );
    }
    if (repeated.has(index)) {
      faults.invalid(`${path}.${mapKeys}`, keys, "must not contain duplicate entries");
    }
  }
}

function checkNullable(schema: JSONSchemaProps, type: "map" | "set", path: string, faults: FaultList): void {
  const { items } = schema;
  if (items === undefined || Array.isArray(items)) return;
  if (items.nullable === true) {
    faults.forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${type}`);
  }
  if (type === "set") return;
  const given = new Set(items.required);
  for (const key of schema[mapKeys] ?? []) {
    const property = propertyOf(items, key);
    if (property === undefined) continue;
    const own = `${path}.items.properties[${key}]`;
    if (!given.has(key) && property.default === undefined) {
      faults.required(
        `${own}.default`,
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
      );
    }
    if (property.nullable === true) {
      const why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
      faults.forbidden(`${own}.nullable`, why);
    }
  }
}
