/**
 * Values against a schema, compiled once. On an update, what hasn't changed may stay as it is: its faults were there
 * before (ratcheting). upstream: kube-openapi/pkg/validation/validate, apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go
 */
import { isNumber } from "#base/exact-json.ts";
import type { FieldError } from "../../meta/field-error.ts";
import { equalText } from "../../patch/equal-text.ts";
import { isList, isMap, jsonEqual, type JsonMap } from "../../patch/json-value.ts";
import { Counterparts } from "./counterparts.ts";
import { formatCheck } from "./formats.ts";
import { compileLogic } from "./logic.ts";
import { compileNumber } from "./number-rules.ts";
import { faultOf, Outcome } from "./outcome.ts";
import { itemsOf, valuesOf, type Structural } from "./structural.ts";
import { compileText } from "./text-rules.ts";
import { formatName, isOfType, typeName } from "./value-type.ts";

/** The value before, where it is known which one that is. */
export type Before = { readonly value: unknown } | undefined;

/** Checks one value at a path ("spec.list[0]"). */
export type ValueCheck = (value: unknown, path: string, before: Before) => Outcome;

/** For the schemas in a schema. */
export type Compile = (schema: Structural) => ValueCheck;

/** Checks a part of a value that is of the right kind already. */
export type PartCheck<T> = (value: T, path: string, outcome: Outcome, before: Before) => void;

/** RE2's syntax, found anywhere in the text. Asked only for schemas with patterns. */
export type CompilePattern = (pattern: string) => (text: string) => boolean;

/** Never throws for a schema that structurality.ts and the rules of definitions found fine. */
export function compileSchema(schema: Structural, compilePattern: CompilePattern): ValueCheck {
  const compile = (inner: Structural): ValueCheck => compileSchema(inner, compilePattern);
  const parts = {
    logic: compileLogic(schema, compile),
    text: compileText(schema, compilePattern),
    format: schema.format === undefined ? undefined : formatPart(schema.format),
    number: compileNumber(schema),
    list: compileList(schema, compile),
    map: compileMap(schema, compile),
  };
  const run = (value: unknown, path: string, before: Before): Outcome => {
    const outcome = new Outcome();
    checkType(value, path, schema, outcome);
    if (value !== null) {
      outcome.checks += 1;
      parts.logic?.(value, path, outcome, undefined);
      if (typeof value === "string") {
        parts.text?.(value, path, outcome, before);
        parts.format?.(value, path, outcome, before);
      } else if (isNumber(value)) parts.number?.(value, path, outcome, before);
      else if (Array.isArray(value)) parts.list?.(value, path, outcome, before);
    }
    checkEnum(value, path, schema, outcome);
    if (isMap(value)) parts.map?.(value, path, outcome, before);
    outcome.checks += 1;
    return outcome;
  };
  return (value, path, before) => {
    const outcome = run(value, path, before);
    if (outcome.isValid || before === undefined || !jsonEqual(before.value, value)) return outcome;
    const ratcheted = new Outcome();
    ratcheted.checks = outcome.checks;
    return ratcheted;
  };
}

function checkType(value: unknown, path: string, schema: Structural, outcome: Outcome): void {
  const types = typesOf(schema);
  outcome.checks += 1;
  if (types.length === 0 || types.some((type) => isOfType(value, type))) return;
  if (value === null && schema.nullable === true) return;
  const { format = "" } = schema;
  // What has a format is told by it, but for what could only be text.
  const isByFormat = format !== "" && value !== null && typeof value !== "string" && !Array.isArray(value);
  outcome.add(
    isByFormat
      ? faultOf.type(path, format, formatName(value))
      : faultOf.type(path, types.join(","), typeName(value)),
  );
}

/** None: any. */
function typesOf({ type = "", "x-kubernetes-int-or-string": isIntOrString }: Structural): readonly string[] {
  if (type !== "") return [type];
  return isIntOrString === true ? ["integer", "string"] : [];
}

function checkEnum(value: unknown, path: string, { enum: allowed = [] }: Structural, outcome: Outcome): void {
  if (allowed.length === 0) return;
  outcome.checks += 1;
  if (!allowed.some((each) => jsonEqual(each, value))) outcome.add(faultOf.enum(path, value, allowed));
}

function formatPart(format: string): PartCheck<string> | undefined {
  const check = formatCheck(format);
  if (check === undefined) return undefined;
  return (value, path, outcome) => {
    outcome.checks += 1;
    if (!check(value)) outcome.add(faultOf.type(path, format, value));
  };
}

/** Of the list before: which item of it a new one is to be compared with. */
type Correlate = (before: Before) => (item: unknown, index: number) => Before;

function compileList(schema: Structural, compile: Compile): PartCheck<readonly unknown[]> | undefined {
  const items = itemsOf(schema);
  const { minItems, maxItems, uniqueItems } = schema;
  if (items === undefined && minItems === undefined && maxItems === undefined && uniqueItems !== true) {
    return undefined;
  }
  const check = items === undefined ? undefined : compile(items);
  const correlate = correlation(schema);
  return (list, path, outcome, before) => {
    outcome.checks += 1;
    if (check !== undefined) {
      const itemBefore = correlate(before);
      for (const [index, item] of list.entries()) {
        outcome.merge(check(item, `${path}[${index}]`, itemBefore(item, index)));
      }
    }
    if (minItems !== undefined && list.length < minItems) {
      outcome.add(faultOf.rule(path, list.length, `should have at least ${minItems} items`));
    }
    if (maxItems !== undefined && list.length > maxItems) {
      outcome.add(faultOf.tooMany(path, list.length, maxItems));
    }
    if (uniqueItems === true && new Set(list.map(equalText)).size < list.length) {
      outcome.add(faultOf.rule(path, "", "shouldn't contain duplicates"));
    }
  };
}

const uncompared = (): Before => undefined;

/** Sets and atomic lists can't be compared item by item. */
function correlation(schema: Structural): Correlate {
  const listType = schema["x-kubernetes-list-type"];
  if (listType === "set" || listType === "atomic") return () => uncompared;
  return (before) => {
    const old = before?.value;
    if (!isList(old)) return uncompared;
    if (listType !== "map") return (_item, index) => (index < old.length ? { value: old[index] } : undefined);
    const counterparts = new Counterparts(old, schema);
    return (item) => {
      const value = counterparts.of(item);
      return value === undefined ? undefined : { value };
    };
  };
}

const beforeAt = (before: Before, key: string): Before => {
  const old = before?.value;
  return isMap(old) && Object.hasOwn(old, key) ? { value: old[key] } : undefined;
};

function compileMap(schema: Structural, compile: Compile): PartCheck<JsonMap> | undefined {
  const values = valuesOf(schema);
  const { minProperties, maxProperties, required = [] } = schema;
  const properties = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [name, compile(property), property.default !== undefined] as const,
  );
  const known = new Set(properties.map(([name]) => name));
  const defaulted = new Set(properties.filter(([, , isDefaulted]) => isDefaulted).map(([name]) => name));
  const checkValue = typeof values === "object" ? compile(values) : undefined;
  return (map, path, outcome, before) => {
    outcome.checks += 1;
    const size = Object.keys(map).length;
    if (minProperties !== undefined && size < minProperties) {
      outcome.add(faultOf.rule(path, minProperties, `should have at least ${minProperties} properties`));
      return;
    }
    if (maxProperties !== undefined && size > maxProperties) {
      outcome.add(faultOf.tooMany(path, size, maxProperties));
      return;
    }
    for (const key of Object.keys(map)) {
      if (known.has(key)) continue;
      if (values === false) outcome.add(faultOf.forbiddenProperty(path, key));
      else if (checkValue !== undefined) {
        outcome.merge(checkValue(map[key], `${path}.${key}`, beforeAt(before, key)));
      }
    }
    for (const [name, check] of properties) {
      if (!Object.hasOwn(map, name)) continue;
      outcome.merge(check(map[name], path === "" ? name : `${path}.${name}`, beforeAt(before, name)));
    }
    for (const name of required) {
      if (!Object.hasOwn(map, name) && !defaulted.has(name)) outcome.add(faultOf.required(`${path}.${name}`));
    }
  };
}

/** The faults as a Status names them. `prefix`: where the value itself is, when it isn't a whole object. */
export function faultsOf(outcome: Outcome, prefix = ""): FieldError[] {
  if (prefix === "") return outcome.faults;
  return outcome.faults.map((fault) => ({
    ...fault,
    field: fault.field === "<nil>" ? prefix : `${prefix}.${fault.field}`,
  }));
}
