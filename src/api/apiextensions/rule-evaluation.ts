/**
 * x-kubernetes-validations over an object: every rule of its schema, within one budget.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go
 */
import { ownValue } from "#base/own-value.ts";
import { CostLimitError } from "../cel/cost/budget.ts";
import type { Cel } from "../cel/environment.ts";
import type { KnownBytes } from "../cel/schema/decl-type.ts";
import { compileRules, ruleVariables, type CompiledRule } from "../cel/schema/rules.ts";
import { Fault } from "../cel/values.ts";
import {
  duplicate,
  fieldErrorText,
  forbidden,
  invalid,
  omitted,
  required,
  toldMax,
  toldTextMax,
  type FieldError,
} from "../meta/field-error.ts";
import { isList, isMap, type JsonMap } from "../patch/json-value.ts";
import { Counterparts } from "../schema/structural/counterparts.ts";
import { childPath, keyPath, wholeObject } from "../schema/structural/field-path.ts";
import { objectBudget, type CompiledRules, type RuleBudget } from "../schema/structural/rules.ts";
import { itemsOf, propertyOf, valueSchemaOf, type Structural } from "../schema/structural/structural.ts";
import { Change, Ratchet } from "./change.ts";
import { findField } from "./field-path-rules.ts";

const messageBytesMax = 5 * 1024;

const hasRules = (schema: Structural): boolean => (schema["x-kubernetes-validations"] ?? []).length > 0;

export interface ObjectRules extends CompiledRules {
  /** Of a default, which is as good as what was there before, and must be fine where nothing was. */
  defaultFaults(value: unknown, budget: RuleBudget): readonly FieldError[];
}

/** Undefined where there are no rules. `isResource`: of the whole object, not of a default in it. */
export function compileObjectRules(
  cel: Cel,
  schema: Structural,
  isResource: boolean,
  root = "",
): ObjectRules | undefined {
  const node = RuleNode.of({ cel, known: new WeakMap() }, schema, isResource);
  if (node === undefined) return undefined;
  const check = (subject: Omit<RuleSubject, "path">, run: RuleRun): readonly FieldError[] => {
    node.check({ ...subject, path: root }, run);
    return run.faults;
  };
  return {
    faults: (value, old, warn = () => undefined) => {
      const ratchet = new Ratchet(old === undefined ? undefined : new Change(value, old, schema));
      return check({ value, old, ratchet }, new RuleRun({ left: objectBudget }, warn));
    },
    defaultFaults: (value, budget) => {
      const ratchet = new Ratchet(undefined);
      const [kept, added] = [{ ...budget }, { ...budget }];
      const found = check({ value, old: value, ratchet }, new RuleRun(kept));
      const all = found.length > 0 ? found : check({ value, old: undefined, ratchet }, new RuleRun(added));
      budget.left = Math.min(kept.left, added.left);
      return all;
    },
  };
}

class RuleRun {
  readonly faults: FieldError[] = [];
  readonly #budget: RuleBudget;
  readonly #warn: (text: string) => void;
  #warnedText = 0;

  constructor(budget: RuleBudget, warn: (text: string) => void = () => undefined) {
    this.#budget = budget;
    this.#warn = warn;
  }

  get isOver(): boolean {
    return this.#budget.left < 0;
  }

  /** False when there isn't as much left: nothing more may be run. */
  spend(cost: number): boolean {
    this.#budget.left -= cost;
    return !this.isOver;
  }

  stop(): void {
    this.#budget.left = -1;
  }

  /** What was wrong before and hasn't changed may stay, but is told. */
  add(fault: FieldError, isRatcheted: boolean): void {
    if (isRatcheted) {
      this.#warnedText += fault.message.length;
      if (this.#warnedText <= toldTextMax) this.#warn(fieldErrorText(fault));
    } else if (this.faults.length < toldMax) this.faults.push(fault);
  }
}

const pathName = (path: string): string => (path === "" ? wholeObject : path);

interface RuleSubject {
  readonly value: unknown;
  /** What was there before, where it is known which value that is; neither null nor undefined for rules that name it. */
  readonly old: unknown;
  readonly path: string;
  readonly ratchet: Ratchet;
}

interface RuleCompiler {
  readonly cel: Cel;
  readonly known: KnownBytes;
}

interface RuleParts {
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly values: RuleNode | undefined;
  readonly items: RuleNode | undefined;
}

/** A schema with its compiled rules, and those below it that have any. */
class RuleNode {
  readonly #schema: Structural;
  readonly #isResource: boolean;
  readonly #rules: readonly CompiledRule[];
  readonly #properties: ReadonlyMap<string, RuleNode>;
  readonly #values: RuleNode | undefined;
  readonly #items: RuleNode | undefined;

  private constructor(schema: Structural, isResource: boolean, parts: RuleParts) {
    this.#schema = schema;
    this.#isResource = isResource;
    this.#rules = parts.rules;
    this.#properties = parts.properties;
    this.#values = parts.values;
    this.#items = parts.items;
  }

  /** Undefined where there are no rules, nor any below. */
  static of(compiler: RuleCompiler, schema: Structural, isRoot: boolean): RuleNode | undefined {
    const isResource = isRoot || schema["x-kubernetes-embedded-resource"] === true;
    const below = (inner: Structural | undefined): RuleNode | undefined =>
      inner === undefined ? undefined : RuleNode.of(compiler, inner, false);
    const properties = new Map<string, RuleNode>();
    for (const name of Object.keys(schema.properties ?? {})) {
      const node = below(propertyOf(schema, name));
      if (node !== undefined) properties.set(name, node);
    }
    const [values, items] = [below(valueSchemaOf(schema)), below(itemsOf(schema))];
    const isRuled = hasRules(schema);
    if (!isRuled && properties.size === 0 && values === undefined && items === undefined) return undefined;
    const { cel, known } = compiler;
    const rules = isRuled ? (compileRules(cel, schema, isResource, known)?.rules ?? []) : [];
    return new RuleNode(schema, isResource, { rules, properties, values, items });
  }

  check(at: RuleSubject, run: RuleRun): void {
    const { value } = at;
    if (value === null || value === undefined) return;
    for (const compiled of this.#rules) this.#rule(compiled, at, run);
    if (isList(value)) this.#list(value, at, run);
    else if (isMap(value)) this.#map(value, at, run);
  }

  #rule(compiled: CompiledRule, at: RuleSubject, run: RuleRun): void {
    const { type = "" } = this.#schema;
    const { condition } = compiled;
    if (run.isOver) return;
    const complain = (text: string): void => {
      run.faults.push(invalid(pathName(at.path), type, text));
    };
    if (condition === undefined) {
      if (compiled.fault !== undefined) complain(`rule compile error: ${compiled.fault}`);
      return;
    }
    const old = at.old ?? undefined;
    if (compiled.isTransition && old === undefined) return;
    const text = ruleText(compiled);
    const input = { schema: this.#schema, isResource: this.#isResource, self: at.value, oldSelf: old };
    const variables = ruleVariables(input, compiled);
    try {
      const { value, cost } = condition.program.run(variables);
      if (!run.spend(cost)) {
        complain(
          "validation failed due to running out of cost budget, no further validation rules will be run",
        );
      } else if (value instanceof Fault) complain(faultText(value.message, text));
      else if (value !== true) this.#refuse(compiled, variables, at, run);
    } catch (error) {
      if (!(error instanceof CostLimitError)) throw error;
      complain(
        `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`,
      );
      run.stop();
    }
  }

  #refuse(
    compiled: CompiledRule,
    variables: ReturnType<typeof ruleVariables>,
    { value, path, ratchet }: RuleSubject,
    run: RuleRun,
  ): void {
    const { rule, condition } = compiled;
    const { type = "" } = this.#schema;
    const found = (rule.fieldPath ?? "") === "" ? "" : findField(rule.fieldPath ?? "", this.#schema, true);
    const at = pathName(typeof found === "string" ? path : childPath(path, found.path));
    const isRatcheted = condition?.program.names("oldSelf") !== true && ratchet.applies;
    const message = messageOf(compiled, variables, run);
    if (message instanceof CostFault) {
      run.stop();
      run.add(invalid(at, type, message.text), isRatcheted);
      return;
    }
    const shown = type === "object" || type === "array" ? omitted : value;
    run.add(faultFor(rule.reason, at, shown, message ?? plainMessage(compiled)), isRatcheted);
  }

  #list(list: readonly unknown[], { old, path, ratchet }: RuleSubject, run: RuleRun): void {
    const node = this.#items;
    if (node === undefined) return;
    const counterparts = isList(old) ? new Counterparts(old, this.#schema) : undefined;
    for (const [index, value] of list.entries()) {
      const before = counterparts?.of(value);
      node.check({ value, old: before, path: `${path}[${index}]`, ratchet: ratchet.index(index) }, run);
    }
  }

  #map(map: JsonMap, { old, path, ratchet }: RuleSubject, run: RuleRun): void {
    for (const [key, value] of Object.entries(map)) {
      const isProperty = propertyOf(this.#schema, key) !== undefined;
      const node = isProperty ? this.#properties.get(key) : this.#values;
      const before = isMap(old) ? ownValue(old, key) : undefined;
      const inner = isProperty ? childPath(path, key) : keyPath(path, key);
      node?.check({ value, old: before, path: inner, ratchet: ratchet.key(key) }, run);
    }
  }
}

function faultFor(reason: string | undefined, at: string, shown: unknown, detail: string): FieldError {
  switch (reason) {
    case "FieldValueRequired":
      return required(at, detail);
    case "FieldValueForbidden":
      return forbidden(at, detail);
    case "FieldValueDuplicate":
      return duplicate(at, shown);
    case undefined:
    default:
      return invalid(at, shown, detail);
  }
}

const ruleText = ({ rule }: CompiledRule): string =>
  (rule.message ?? "") === "" ? rule.rule.trim() : (rule.message ?? "").trim();

const plainMessage = ({ rule }: CompiledRule): string =>
  (rule.message ?? "") === "" ? `failed rule: ${rule.rule.trim()}` : (rule.message ?? "").trim();

function faultText(fault: string, text: string): string {
  return fault.startsWith("no such overload")
    ? `'${fault}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`
    : `${fault} evaluating rule: ${text}`;
}

/** No message could be had, nor may anything else be run. */
class CostFault {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Of the messageExpression, where it says something fit to be shown. */
function messageOf(
  { message, rule }: CompiledRule,
  variables: ReturnType<typeof ruleVariables>,
  run: RuleRun,
): string | CostFault | undefined {
  if (message === undefined) return undefined;
  try {
    const { value, cost } = message.program.run(variables);
    if (!run.spend(cost)) {
      return new CostFault(
        "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run",
      );
    }
    if (typeof value !== "string") return undefined;
    const text = value.trim();
    return text === "" || Buffer.byteLength(text) > messageBytesMax || text.includes("\n") ? undefined : text;
  } catch (error) {
    if (!(error instanceof CostLimitError)) throw error;
    const source = JSON.stringify(rule.messageExpression);
    return new CostFault(
      `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${source}`,
    );
  }
}
