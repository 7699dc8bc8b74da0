/**
 * What expressions of mutating policies make: `Object{…}`, whose fields are `Object.field{…}` and so on, and
 * `JSONPatch{op: …}`. upstream: apiserver/pkg/cel/mutation
 */
import { ownValue } from "#base/own-value.ts";
import { plainInt64 } from "#base/exact-json.ts";
import { isMap } from "../../patch/json-value.ts";
import type { TypeProvider } from "../checker.ts";
import { type CelType, dynType, listType, objectType, stringType } from "../types.ts";
import {
  Duration,
  EntryMap,
  Fault,
  ListValue,
  MapValue,
  Timestamp,
  typeNameOf,
  Uint,
  type Value,
} from "../values.ts";
import { durationText, timestampText } from "../time.ts";

const objectName = "Object";
const patchName = "JSONPatch";

export const appliedType: CelType = objectType(objectName);
export const patchListType: CelType = listType(objectType(patchName));

const patchFields: Readonly<Record<string, CelType>> = {
  op: stringType,
  path: stringType,
  from: stringType,
  value: dynType,
};

/** Which fields an object has is known only when it is applied. */
export class PatchTypes implements TypeProvider {
  readonly #others: TypeProvider;

  constructor(others: TypeProvider) {
    this.#others = others;
  }

  hasType(name: string): boolean {
    return isObjectName(name) || name === patchName || this.#others.hasType(name);
  }

  fieldType(typeName: string, field: string): CelType | undefined {
    if (isObjectName(typeName)) return dynType;
    if (typeName !== patchName) return this.#others.fieldType(typeName, field);
    return ownValue(patchFields, field);
  }
}

const isObjectName = (name: string): boolean => name === objectName || name.startsWith(`${objectName}.`);

/** What an expression made can't be used. */
export class PatchValueError extends Error {}

/** Objects as JSON. Throws PatchValueError where a name says another place than the one it stands at. */
export function appliedObject(value: Value): Readonly<Record<string, unknown>> {
  checkNames(value);
  const json = jsonOf(value, plainInt64);
  if (!isMap(json)) throw new PatchValueError(`invalid return type: ${typeNameOf(value)}`);
  return json;
}

/** RFC 6902. Throws PatchValueError. */
export function patchOperations(value: Value): readonly Readonly<Record<string, unknown>>[] {
  if (!(value instanceof ListValue)) {
    throw new PatchValueError("type mismatch: JSONPatchType.expression should evaluate to array");
  }
  return [...value.values()].map((item) => {
    if (!(item instanceof MapValue)) {
      throw new PatchValueError(
        "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch",
      );
    }
    const text = (field: string): string => {
      const found = item.find(field);
      return typeof found === "string" ? found : "";
    };
    const from = text("from");
    const made = item.find("value");
    if (made !== undefined) checkNames(made);
    return {
      op: text("op"),
      path: text("path"),
      ...(from === "" ? {} : { from }),
      ...(made === undefined ? {} : { value: jsonOf(made, safeInteger) }),
    };
  });
}

function checkNames(root: Value): void {
  const faults: string[] = [];
  if (root instanceof EntryMap && isObjectName(root.typeName)) {
    collectNames(root, root.typeName, faults);
  }
  if (faults.length > 0) throw new PatchValueError(`type mismatch: ${faults.join("\n")}`);
}

/** Lists and maps between objects have no name of their own. */
function collectNames(value: Value, expected: string, faults: string[]): void {
  if (value instanceof ListValue) {
    for (const item of value.values()) collectNames(item, expected, faults);
  } else if (value instanceof MapValue) {
    const isObject = isObjectName(value.typeName);
    if (isObject && value.typeName !== expected) {
      faults.push(
        `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(expected)}, which matches field name path from root Object type`,
      );
    }
    for (const key of value.keys()) {
      const step = isObject && typeof key === "string" ? `${expected}.${key}` : expected;
      collectNames(value.find(key) ?? null, step, faults);
    }
  }
}

type IntegerJson = (value: bigint) => unknown;

/** As Protobuf's JSON has it: one that not every reader could hold is text. upstream: cel-go/common/types/int.go (ConvertToNative) */
const safeInteger: IntegerJson = (value) => {
  const plain = plainInt64(value);
  return typeof plain === "number" ? plain : String(plain);
};

function jsonOf(value: Value, integer: IntegerJson): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return integer(value);
  if (value instanceof Uint) return integer(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof ListValue) return [...value.values()].map((item) => jsonOf(item, integer));
  if (value instanceof MapValue) return mapJson(value, integer);
  if (value instanceof Fault) throw new PatchValueError(value.message);
  throw new PatchValueError(`unsupported conversion of ${typeNameOf(value)}`);
}

function mapJson(value: MapValue, integer: IntegerJson): Readonly<Record<string, unknown>> {
  const entries: [string, unknown][] = [];
  for (const key of value.keys()) {
    if (typeof key !== "string") {
      throw new PatchValueError(
        `map key ${JSON.stringify(jsonOf(key, integer))} is of type ${typeNameOf(key)}, not string`,
      );
    }
    entries.push([key, jsonOf(value.find(key) ?? null, integer)]);
  }
  return Object.fromEntries(entries);
}
