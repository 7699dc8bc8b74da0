/**
 * x-kubernetes-validations over an object: every rule of its schema, within one budget.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go
 */
import { CostLimitError } from "../cel/cost/budget.ts";
import type { Cel } from "../cel/environment.ts";
import { compileRules, ruleVariables, type CompiledRule } from "../cel/schema/rules.ts";
import { Fault } from "../cel/values.ts";
import { duplicate, forbidden, invalid, required, type FieldError } from "../meta/field-error.ts";
import { isMap, jsonEqual, valueAt, type JsonMap } from "../patch/json-value.ts";
import { childPath, keyPath, wholeObject } from "../schema/structural/field-path.ts";
import type { CompiledRules } from "../schema/structural/rules.ts";
import {
  itemsOf,
  propertyOf,
  schemaHas,
  valueSchemaOf,
  type Structural,
} from "../schema/structural/structural.ts";
import { findField } from "./field-path-rules.ts";

/** Of all rules over one object. upstream: apiserver/pkg/apis/cel/config.go RuntimeCELCostBudget */
const objectBudget = 10_000_000;
const messageBytesMax = 5 * 1024;

const hasRules = (schema: Structural): boolean => (schema["x-kubernetes-validations"] ?? []).length > 0;

/** Undefined where there are no rules. `isResource`: of the whole object, not of a default in it. */
export function compileObjectRules(
  cel: Cel,
  schema: Structural,
  isResource: boolean,
  root = "",
): CompiledRules | undefined {
  if (!schemaHas(schema, hasRules)) return undefined;
  const node = new RuleNode(cel, schema, isResource);
  return {
    faults: (value, old) => {
      const run = new RuleRun();
      node.check(value, { value: old, isKnown: old !== undefined }, root, run);
      return run.faults;
    },
  };
}

/** What was there before, where it is known which value that is. */
interface Before {
  readonly value: unknown;
  readonly isKnown: boolean;
}

const nothing: Before = { value: undefined, isKnown: false };

class RuleRun {
  readonly faults: FieldError[] = [];
  #left = objectBudget;
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** False when nothing more may be run. */
  spend(cost: number, path: string, type: string): boolean {
    this.#left -= cost;
    if (this.#left >= 0) return true;
    this.#isOver = true;
    const text =
      "validation failed due to running out of cost budget, no further validation rules will be run";
    this.faults.push(invalid(pathName(path), type, text));
    return false;
  }

  stop(): void {
    this.#isOver = true;
  }
}

const pathName = (path: string): string => (path === "" ? wholeObject : path);

/** A schema with its compiled rules, and those below it that have any. */
class RuleNode {
  readonly #schema: Structural;
  readonly #isResource: boolean;
  readonly #rules: readonly CompiledRule[];
  readonly #properties: ReadonlyMap<string, RuleNode>;
  readonly #values: RuleNode | undefined;
  readonly #items: RuleNode | undefined;

  constructor(cel: Cel, schema: Structural, isResource: boolean) {
    this.#schema = schema;
    const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
    this.#isResource = isResource || isEmbedded;
    this.#rules = hasRules(schema) ? (compileRules(cel, schema, this.#isResource)?.rules ?? []) : [];
    const below = (inner: Structural | undefined): RuleNode | undefined =>
      inner !== undefined && schemaHas(inner, hasRules) ? new RuleNode(cel, inner, false) : undefined;
    this.#properties = new Map(
      Object.keys(schema.properties ?? {}).flatMap((name) => {
        const node = below(propertyOf(schema, name));
        return node === undefined ? [] : [[name, node] as const];
      }),
    );
    this.#values = below(valueSchemaOf(schema));
    this.#items = below(itemsOf(schema));
  }

  check(value: unknown, before: Before, path: string, run: RuleRun): void {
    if (value === null || value === undefined || run.isOver) return;
    this.#own(value, before, path, run);
    if (Array.isArray(value)) this.#list(value, before, path, run);
    else if (isMap(value)) this.#map(value, before, path, run);
  }

  #own(value: unknown, before: Before, path: string, run: RuleRun): void {
    if (this.#rules.length === 0) return;
    const isUnchanged = before.isKnown && jsonEqual(value, before.value);
    for (const compiled of this.#rules) {
      if (run.isOver) return;
      const usesOld = compiled.condition?.program.names("oldSelf") === true;
      if (compiled.isTransition && !before.isKnown) continue;
      // What was wrong before and hasn't changed may stay.
      if (isUnchanged && !usesOld) continue;
      this.#rule(compiled, { value, old: before.isKnown ? before.value : undefined, path }, run);
    }
  }

  #rule(compiled: CompiledRule, at: RuleSubject, run: RuleRun): void {
    const { type = "" } = this.#schema;
    const { condition } = compiled;
    const text = ruleText(compiled);
    if (condition === undefined) {
      if (compiled.fault !== undefined) {
        run.faults.push(invalid(pathName(at.path), type, `rule compile error: ${compiled.fault}`));
      }
      return;
    }
    const input = { schema: this.#schema, isResource: this.#isResource, self: at.value, oldSelf: at.old };
    const variables = ruleVariables(input, compiled);
    try {
      const { value, cost } = condition.program.run(variables);
      if (!run.spend(cost, at.path, type)) return;
      if (value instanceof Fault) {
        run.faults.push(invalid(pathName(at.path), type, faultText(value.message, text)));
      } else if (value !== true) run.faults.push(this.#fault(compiled, variables, at, run));
    } catch (error) {
      if (!(error instanceof CostLimitError)) throw error;
      const why = `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`;
      run.faults.push(invalid(pathName(at.path), type, why));
      run.stop();
    }
  }

  #fault(
    compiled: CompiledRule,
    variables: ReturnType<typeof ruleVariables>,
    { path }: RuleSubject,
    run: RuleRun,
  ): FieldError {
    const { rule } = compiled;
    const { type = "" } = this.#schema;
    const detail =
      messageOf(compiled, variables, (cost) => run.spend(cost, path, type)) ?? plainMessage(compiled);
    const found = (rule.fieldPath ?? "") === "" ? "" : findField(rule.fieldPath ?? "", this.#schema, true);
    const names = typeof found === "string" ? [] : found.names;
    const at = pathName(names.reduce(childPath, path));
    switch (rule.reason) {
      case "FieldValueRequired":
        return required(at, detail);
      case "FieldValueForbidden":
        return forbidden(at, detail);
      case "FieldValueDuplicate":
        return duplicate(at, type);
      case undefined:
      default:
        return invalid(at, type, detail);
    }
  }

  #list(list: readonly unknown[], before: Before, path: string, run: RuleRun): void {
    const node = this.#items;
    if (node === undefined) return;
    const old = before.isKnown && Array.isArray(before.value) ? (before.value as unknown[]) : undefined;
    const keys = this.#schema["x-kubernetes-list-map-keys"] ?? [];
    const isMapList = this.#schema["x-kubernetes-list-type"] === "map";
    for (const [index, item] of list.entries()) {
      const found = isMapList ? old?.find((each) => hasSameKeys(each, item, keys)) : undefined;
      const itemBefore = found === undefined ? nothing : { value: found, isKnown: true };
      node.check(item, itemBefore, `${path}[${index}]`, run);
    }
  }

  #map(map: JsonMap, before: Before, path: string, run: RuleRun): void {
    const isAtomic = this.#schema["x-kubernetes-map-type"] === "atomic";
    const old = before.isKnown && !isAtomic && isMap(before.value) ? before.value : undefined;
    for (const [key, value] of Object.entries(map)) {
      const isProperty = propertyOf(this.#schema, key) !== undefined;
      const node = isProperty ? this.#properties.get(key) : this.#values;
      const isKnown = old !== undefined && Object.hasOwn(old, key);
      const valueBefore = isKnown ? { value: valueAt(old, key), isKnown } : nothing;
      node?.check(value, valueBefore, isProperty ? childPath(path, key) : keyPath(path, key), run);
    }
  }
}

interface RuleSubject {
  readonly value: unknown;
  readonly old: unknown;
  readonly path: string;
}

const hasSameKeys = (a: unknown, b: unknown, keys: readonly string[]): boolean =>
  isMap(a) && isMap(b) && keys.every((key) => jsonEqual(valueAt(a, key), valueAt(b, key)));

const ruleText = ({ rule }: CompiledRule): string =>
  (rule.message ?? "") === "" ? rule.rule.trim() : (rule.message ?? "").trim();

const plainMessage = ({ rule }: CompiledRule): string =>
  (rule.message ?? "") === "" ? `failed rule: ${rule.rule.trim()}` : (rule.message ?? "").trim();

function faultText(fault: string, text: string): string {
  return fault.startsWith("no such overload")
    ? `'${fault}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`
    : `${fault} evaluating rule: ${text}`;
}

/** Of the messageExpression, where it says something fit to be shown. */
function messageOf(
  { message }: CompiledRule,
  variables: ReturnType<typeof ruleVariables>,
  spend: (cost: number) => boolean,
): string | undefined {
  if (message === undefined) return undefined;
  try {
    const { value, cost } = message.program.run(variables);
    if (!spend(cost) || typeof value !== "string") return undefined;
    const text = value.trim();
    return text === "" || Buffer.byteLength(text) > messageBytesMax || /[\n\r]/.test(text) ? undefined : text;
  } catch (error) {
    if (error instanceof CostLimitError) return undefined;
    throw error;
  }
}
