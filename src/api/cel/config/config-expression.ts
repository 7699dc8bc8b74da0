/**
 * Expressions in the server's own configuration: over claims and users (AuthenticationConfiguration), over what is to be
 * decided (AuthorizationConfiguration). upstream: apiserver/pkg/{authentication,authorization}/cel/compile.go
 */
import { ownValue } from "#base/own-value.ts";
import { childrenOf, type Expr } from "../ast.ts";
import type { TypeProvider } from "../checker.ts";
import { CostLimitError } from "../cost/budget.ts";
import type { Cel, Program } from "../environment.ts";
import { dynamicValue } from "../schema/values.ts";
import { CompileError } from "../source.ts";
import { typeFromText } from "../type-text.ts";
import { type CelType, describeType } from "../types.ts";
import { Fault, ListValue, type Value } from "../values.ts";

const selector = { rawSelector: "string", requirements: "list<kubernetes.SelectorRequirement>" };

const declared: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "kubernetes.UserInfo": {
    username: "string",
    uid: "string",
    groups: "list<string>",
    extra: "map<string,list<string>>",
  },
  "kubernetes.SubjectAccessReviewSpec": {
    resourceAttributes: "kubernetes.ResourceAttributes",
    nonResourceAttributes: "kubernetes.NonResourceAttributes",
    user: "string",
    groups: "list<string>",
    extra: "map<string,list<string>>",
    uid: "string",
  },
  "kubernetes.ResourceAttributes": {
    namespace: "string",
    verb: "string",
    group: "string",
    version: "string",
    resource: "string",
    subresource: "string",
    name: "string",
    fieldSelector: "kubernetes.FieldSelectorAttributes",
    labelSelector: "kubernetes.LabelSelectorAttributes",
  },
  "kubernetes.NonResourceAttributes": { path: "string", verb: "string" },
  "kubernetes.FieldSelectorAttributes": selector,
  "kubernetes.LabelSelectorAttributes": selector,
  "kubernetes.SelectorRequirement": { key: "string", operator: "string", values: "list<string>" },
};

const types: TypeProvider = {
  hasType: (name) => Object.hasOwn(declared, name),
  fieldType: (typeName, field) => {
    const fields = declared[typeName] ?? {};
    const text = ownValue(fields, field);
    return text === undefined ? undefined : typeFromText(text);
  },
};

const variableTypes = {
  claims: "map<string,dyn>",
  user: "kubernetes.UserInfo",
  request: "kubernetes.SubjectAccessReviewSpec",
};

/** What an expression is about. */
export type ConfigVariable = keyof typeof variableTypes;

/** What an expression yields, or why it doesn't. */
type Outcome<T> =
  | { readonly value: T; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: string };

const itemsOf = (list: ListValue): Value[] => Array.from({ length: list.size }, (_, index) => list.at(index));

export class ConfigExpression {
  readonly text: string;
  readonly #variable: ConfigVariable;
  readonly #program: Program;

  constructor(text: string, variable: ConfigVariable, program: Program) {
    this.text = text;
    this.#variable = variable;
    this.#program = program;
  }

  /** `json`: the variable. A Fault where it went wrong. */
  evaluate(json: unknown): Value {
    const value = dynamicValue(json);
    try {
      return this.#program.run((name) => (name === this.#variable ? value : undefined)).value;
    } catch (error) {
      if (error instanceof CostLimitError) return new Fault(error.message);
      throw error;
    }
  }

  evaluateBool(json: unknown): Outcome<boolean> {
    const value = this.#shown(json);
    if (value instanceof Fault) return { fault: value.message };
    return typeof value === "boolean" ? { value } : { fault: "validation expression must return a boolean" };
  }

  evaluateText(json: unknown, what: string): Outcome<string> {
    const value = this.#shown(json);
    if (value instanceof Fault) return { fault: value.message };
    return typeof value === "string" ? { value } : { fault: `${what} claim expression must return a string` };
  }

  /** A text, a list of texts or null; what is empty is left out. */
  evaluateTexts(json: unknown): Outcome<readonly string[]> {
    const value = this.#shown(json);
    if (value instanceof Fault) return { fault: value.message };
    const list = value === null ? [] : value instanceof ListValue ? itemsOf(value) : [value];
    return list.every((item) => typeof item === "string")
      ? { value: list.filter((item) => item !== "") }
      : { fault: "expression must return a string or a list of strings" };
  }

  #shown(json: unknown): Value {
    const value = this.evaluate(json);
    return value instanceof Fault
      ? new Fault(`expression '${this.text}' resulted in error: ${value.message}`)
      : value;
  }

  /** Whether `variable.field` is looked at anywhere. */
  selects(field: string): boolean {
    const isVariable = (expr: Expr | undefined): boolean =>
      expr?.kind === "ident" && expr.name === this.#variable;
    const uses = (expr: Expr): boolean => {
      if (expr.kind === "select" && expr.field === field && isVariable(expr.operand)) return true;
      if (expr.kind === "call" && expr.fn === "_?._" && isVariable(expr.args[0])) {
        const [, name] = expr.args;
        if (name?.kind === "literal" && name.value === field) return true;
      }
      return childrenOf(expr).some(uses);
    };
    return uses(this.#program.checked.expr);
  }
}

/** A text: why it can't be used. */
export function compileConfigExpression(
  cel: Cel,
  text: string,
  { variable, result }: { readonly variable: ConfigVariable; readonly result: "bool" | "any" },
): ConfigExpression | string {
  const environment = cel.environment({
    variables: { [variable]: typeFromText(variableTypes[variable]) },
    types,
  });
  try {
    const program = environment.compile(text);
    if (result === "bool" && program.type.kind !== "bool") return wrongResult(variable, program.type);
    return new ConfigExpression(text, variable, program);
  } catch (error) {
    if (error instanceof CompileError) return error.detail;
    throw error;
  }
}

/** Upstream tells what it got in one of its two compilers only. */
const wrongResult = (variable: ConfigVariable, type: CelType): string =>
  variable === "request" ? `must evaluate to bool but got ${describeType(type)}` : "must evaluate to bool";
