/**
 * Rules of x-kubernetes-validations: compiled by the schema they stand at, evaluated over what lies there.
 * upstream: apiextensions-apiserver/pkg/apiserver/schema/cel/compilation.go
 */
import type { JSONSchemaProps, ValidationRule } from "../../generated/types/apiextensions-v1.ts";
import { estimateCost } from "../cost/estimate.ts";
import type { Cel, Environment, Program } from "../environment.ts";
import { CompileError } from "../source.ts";
import { type CelType, optionalType } from "../types.ts";
import { noneOptional, Optional, type Value } from "../values.ts";
import { declTypeOf, DeclTypes, sizesBelow, type DeclType, type KnownBytes } from "./decl-type.ts";
import { schemaValue } from "./values.ts";

export interface CompiledExpression {
  readonly program: Program;
  /** The most it can cost, by what the schema allows. */
  readonly costMax: number;
}

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Undefined for an empty rule, and where `fault` says why. */
  readonly condition: CompiledExpression | undefined;
  /** What stands after "Invalid value: …: " for the rule. */
  readonly fault: string | undefined;
  readonly message: CompiledExpression | undefined;
  /** The same for the messageExpression. */
  readonly messageFault: string | undefined;
  /** Looks at what was before, and so says nothing of new objects (unless `optionalOldSelf`). */
  readonly isTransition: boolean;
}

export interface SchemaRules {
  readonly rules: readonly CompiledRule[];
  /** Items or entries at most of the value itself: what the rules below it are multiplied by. */
  readonly elementsMax: number;
  /** Of the value, as JSON. */
  readonly bytesMin: number;
}

/** Which names upstream gives changes with every start; nothing may rely on it. */
const selfName = "selfType";

/** undefined: the schema is none that expressions can see, such as x-kubernetes-preserve-unknown-fields alone. */
export function compileRules(
  cel: Cel,
  schema: JSONSchemaProps,
  isResource: boolean,
  known?: KnownBytes,
): SchemaRules | undefined {
  const root = declTypeOf(schema, { name: selfName, isResource, ...(known && { known }) });
  if (root === undefined) return undefined;
  const { elementsMax, bytesMin } = root;
  const types = new DeclTypes([root]);
  const rules = schema["x-kubernetes-validations"] ?? [];
  return { rules: rules.map((rule) => compileRule(cel, { root, types }, rule)), elementsMax, bytesMin };
}

interface Declared {
  readonly root: DeclType;
  readonly types: DeclTypes;
}

function compileRule(cel: Cel, { root, types }: Declared, rule: ValidationRule): CompiledRule {
  const oldSelf: CelType = rule.optionalOldSelf === true ? optionalType(root.type) : root.type;
  const environment = cel.environment({ variables: { self: root.type, oldSelf }, types });
  const condition = rule.rule.trim() === "" ? undefined : compileOne(environment, root, rule.rule, "bool");
  const message =
    rule.messageExpression === undefined || rule.messageExpression === ""
      ? undefined
      : compileOne(environment, root, rule.messageExpression, "string");
  const names = typeof condition === "object" && condition.program.names("oldSelf");
  return {
    rule,
    condition: typeof condition === "object" ? condition : undefined,
    fault: typeof condition === "string" ? condition : undefined,
    message: typeof message === "object" ? message : undefined,
    messageFault: typeof message === "string" ? message : undefined,
    isTransition: names && rule.optionalOldSelf !== true,
  };
}

/** Or what is wrong with it. */
function compileOne(
  environment: Environment,
  root: DeclType,
  text: string,
  kind: "bool" | "string",
): CompiledExpression | string {
  try {
    const program = environment.compile(text);
    if (program.type.kind !== kind) {
      return kind === "bool"
        ? "cel expression must evaluate to a bool"
        : "messageExpression must evaluate to a string";
    }
    return { program, costMax: estimateCost(program.checked, sizesBelow(root)).max };
  } catch (error) {
    if (error instanceof CompileError) return error.detail;
    throw error;
  }
}

export interface RuleInput {
  readonly schema: JSONSchemaProps;
  readonly isResource: boolean;
  readonly self: unknown;
  /** Undefined: there was nothing. */
  readonly oldSelf: unknown;
}

/** The variables of a rule or its message expression. */
export function ruleVariables(
  { schema, isResource, self, oldSelf }: RuleInput,
  { rule }: CompiledRule,
): (name: string) => Value | undefined {
  const hasOld = oldSelf !== undefined;
  return (name) => {
    if (name === "self") return schemaValue(self, schema, isResource);
    if (name !== "oldSelf") return undefined;
    const old = (): Value => schemaValue(oldSelf, schema, isResource);
    if (rule.optionalOldSelf === true) return hasOld ? new Optional(old()) : noneOptional;
    return hasOld ? old() : undefined;
  };
}
