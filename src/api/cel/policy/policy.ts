/** A ValidatingAdmissionPolicy whose expressions are compiled. */
import type { Cel } from "../environment.ts";
import type {
  ValidatingAdmissionPolicy,
  Validation,
} from "../../generated/types/admissionregistration-v1.ts";
import { ExpressionCompiler, type ComposedVariable, type Expression, type JudgedType } from "./compiler.ts";

export interface CompiledValidation {
  readonly source: Validation;
  readonly condition: Expression;
  readonly message: Expression | undefined;
}

export interface CompiledPolicy {
  readonly source: ValidatingAdmissionPolicy;
  readonly failurePolicy: string;
  readonly conditions: readonly Expression[];
  readonly variables: readonly ComposedVariable[];
  readonly validations: readonly CompiledValidation[];
  readonly audit: readonly { readonly key: string; readonly expression: Expression }[];
}

export function compilePolicy(
  cel: Cel,
  source: ValidatingAdmissionPolicy,
  judged?: JudgedType,
): CompiledPolicy {
  const { spec = {} } = source;
  const hasParams = spec.paramKind !== undefined;
  const full = { hasParams, hasAuthorizer: true };
  // Match conditions come before variables, and don't see them.
  const conditions = (spec.matchConditions ?? []).map(({ expression }) =>
    new ExpressionCompiler(cel).compile(expression, "bool", full),
  );
  const compiler = new ExpressionCompiler(cel, judged);
  for (const { name, expression } of spec.variables ?? []) compiler.addVariable(name, expression, full);
  return {
    source,
    failurePolicy: spec.failurePolicy ?? "Fail",
    conditions,
    variables: compiler.variables,
    validations: (spec.validations ?? []).map((validation) => ({
      source: validation,
      condition: compiler.compile(validation.expression, "bool", full),
      message:
        (validation.messageExpression ?? "") === ""
          ? undefined
          : compiler.compile(validation.messageExpression ?? "", "string", {
              hasParams,
              hasAuthorizer: false,
            }),
    })),
    audit: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: compiler.compile(valueExpression, "string or null", { hasParams, hasAuthorizer: false }),
    })),
  };
}

export interface ExpressionFault {
  readonly path: string;
  readonly text: string;
  readonly fault: string;
}

/** What doesn't compile, and where it stands. */
export function expressionFaults({
  conditions,
  variables,
  validations,
  audit,
}: CompiledPolicy): ExpressionFault[] {
  const placed: (readonly [path: string, expression: Expression | undefined])[] = [
    ...conditions.map((each, index) => [`spec.matchConditions[${index}].expression`, each] as const),
    ...variables.map(({ expression }, index) => [`spec.variables[${index}].expression`, expression] as const),
    ...validations.flatMap(({ condition, message }, index) => [
      [`spec.validations[${index}].expression`, condition] as const,
      [`spec.validations[${index}].messageExpression`, message] as const,
    ]),
    ...audit.map(
      ({ expression }, index) => [`spec.auditAnnotations[${index}].valueExpression`, expression] as const,
    ),
  ];
  return faultsAt(placed);
}

export const faultsAt = (
  placed: readonly (readonly [path: string, expression: Expression | undefined])[],
): ExpressionFault[] =>
  placed.flatMap(([path, expression]) =>
    expression === undefined || expression.program !== undefined
      ? []
      : [{ path, text: expression.text, fault: expression.fault }],
  );
