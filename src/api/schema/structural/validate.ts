/**
 * Values against a schema, compiled once. On an update, what hasn't changed may stay as it is: its faults were there
 * before (ratcheting). upstream: kube-openapi/pkg/validation/validate, apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go
 */
import { isNumber } from "#base/exact-json.ts";
import type { FieldError } from "../../meta/field-error.ts";
import { equalText } from "../../patch/equal-text.ts";
import { timeoutError } from "../../meta/status.ts";
import { supportedText } from "../../meta/field-error.ts";
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

/**
 * Steps that one value may take: each of a hundred thousand items may have ten thousand alternatives to be held against, or
 * miss ten thousand fields. Upstream goes on until the request's minute is over, and then tells the client so.
 */
const stepsMax = 10_000_000;

/** What a value held against a schema takes, and a fault, in times of a name that is looked up. */
const stepsOf = { value: 5, fault: 10 };

interface Steps {
  left: number;
}

function spend(steps: Steps, count: number): void {
  steps.left -= count;
  if (steps.left < 0) {
    throw timeoutError("request did not complete within requested timeout - context deadline exceeded");
  }
}

/** Never throws for a schema that structurality.ts and the rules of definitions found fine, but for what takes too long. */
export function compileSchema(schema: Structural, compilePattern: CompilePattern): ValueCheck {
  const steps: Steps = { left: 0 };
  const check = compileWithin(schema, compilePattern, steps);
  return (value, path, before) => {
    steps.left = stepsMax;
    return check(value, path, before);
  };
}

function compileWithin(schema: Structural, compilePattern: CompilePattern, steps: Steps): ValueCheck {
  const compile = (inner: Structural): ValueCheck => compileWithin(inner, compilePattern, steps);
  const parts = {
    logic: compileLogic(schema, compile),
    text: compileText(schema, compilePattern),
    format: schema.format === undefined ? undefined : formatPart(schema.format),
    number: compileNumber(schema),
    list: compileList(schema, compile),
    enum: compileEnum(schema),
    map: compileMap(schema, compile, steps),
  };
  const run = (value: unknown, path: string, before: Before): Outcome => {
    const outcome = new Outcome();
    spend(steps, stepsOf.value);
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
    parts.enum?.(value, path, outcome, undefined);
    if (isMap(value)) parts.map?.(value, path, outcome, before);
    outcome.checks += 1;
    spend(steps, outcome.faults.length * stepsOf.fault);
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

const enumKey = (value: unknown): string =>
  typeof value === "string" ? `"${value}` : equalText(value === 0 ? 0 : value);

/** Each fault tells all values: their text is made once, and shared. */
function compileEnum({ enum: allowed = [] }: Structural): PartCheck<unknown> | undefined {
  if (allowed.length === 0) return undefined;
  let known: ReadonlySet<string> | undefined;
  let text: string | undefined;
  return (value, path, outcome) => {
    outcome.checks += 1;
    known ??= new Set(allowed.map(enumKey));
    if (known.has(enumKey(value))) return;
    text ??= supportedText(allowed.map((each) => (typeof each === "string" ? each : JSON.stringify(each))));
    outcome.add(faultOf.enum(path, value, text));
  };
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

interface Property {
  readonly name: string;
  readonly check: ValueCheck;
  readonly isDefaulted: boolean;
  /** In the schema: what is wrong is told in this order. */
  readonly place: number;
}

function compileMap(schema: Structural, compile: Compile, steps: Steps): PartCheck<JsonMap> | undefined {
  const values = valuesOf(schema);
  const { minProperties, maxProperties, required = [] } = schema;
  const properties = new Map<string, Property>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isDefaulted = property.default !== undefined;
    properties.set(name, { name, check: compile(property), isDefaulted, place: properties.size });
  }
  const checkValue = typeof values === "object" ? compile(values) : undefined;
  return (map, path, outcome, before) => {
    outcome.checks += 1;
    const keys = Object.keys(map);
    const size = keys.length;
    if (minProperties !== undefined && size < minProperties) {
      outcome.add(faultOf.rule(path, minProperties, `should have at least ${minProperties} properties`));
      return;
    }
    if (maxProperties !== undefined && size > maxProperties) {
      outcome.add(faultOf.tooMany(path, size, maxProperties));
      return;
    }
    const given: Property[] = [];
    for (const key of keys) {
      const property = properties.get(key);
      if (property !== undefined) {
        given.push(property);
        continue;
      }
      if (values === false) outcome.add(faultOf.forbiddenProperty(path, key));
      else if (checkValue !== undefined) {
        outcome.merge(checkValue(map[key], `${path}.${key}`, beforeAt(before, key)));
      }
    }
    for (const property of given.toSorted((a, b) => a.place - b.place)) {
      const { name, check } = property;
      outcome.merge(check(map[name], path === "" ? name : `${path}.${name}`, beforeAt(before, name)));
    }
    spend(steps, required.length);
    for (const name of required) {
      if (Object.hasOwn(map, name) || properties.get(name)?.isDefaulted === true) continue;
      spend(steps, stepsOf.fault);
      outcome.add(faultOf.required(`${path}.${name}`));
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
