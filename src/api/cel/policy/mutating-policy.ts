/** A MutatingAdmissionPolicy whose expressions are compiled. upstream: apiserver/pkg/admission/plugin/policy/mutating/compilation.go */
import type { MutatingAdmissionPolicy } from "../../generated/types/admissionregistration-v1beta1.ts";
import type { Cel } from "../environment.ts";
import { ExpressionCompiler, type ComposedVariable, type Expression } from "./compiler.ts";
import { faultsAt, type ExpressionFault } from "./policy.ts";

export interface CompiledMutation {
  readonly patchType: "ApplyConfiguration" | "JSONPatch";
  readonly expression: Expression;
}

export interface CompiledMutatingPolicy {
  readonly conditions: readonly Expression[];
  readonly variables: readonly ComposedVariable[];
  readonly mutations: readonly CompiledMutation[];
}

export function compileMutatingPolicy(
  cel: Cel,
  { spec = {} }: MutatingAdmissionPolicy,
): CompiledMutatingPolicy {
  const options = { hasParams: spec.paramKind !== undefined, hasAuthorizer: true };
  const compiler = new ExpressionCompiler(cel);
  for (const { name, expression } of spec.variables ?? []) compiler.addVariable(name, expression, options);
  // Conditions see the variables, which a validating policy's don't.
  const conditions = (spec.matchConditions ?? []).map(({ expression }) =>
    compiler.compile(expression, "bool", options),
  );
  const mutations = (spec.mutations ?? []).map(({ patchType, jsonPatch, applyConfiguration }) =>
    patchType === "JSONPatch"
      ? {
          patchType: "JSONPatch" as const,
          expression: compiler.compile(jsonPatch?.expression ?? "", "list(JSONPatch)", options),
        }
      : {
          patchType: "ApplyConfiguration" as const,
          expression: compiler.compile(applyConfiguration?.expression ?? "", "Object", options),
        },
  );
  return { conditions, variables: compiler.variables, mutations };
}

/** What doesn't compile, and where it stands. Conditions as they are written may not use variables. */
export function mutatingPolicyFaults(cel: Cel, policy: MutatingAdmissionPolicy): readonly ExpressionFault[] {
  const { variables, mutations } = compileMutatingPolicy(cel, policy);
  const options = { hasParams: policy.spec?.paramKind !== undefined, hasAuthorizer: true };
  const conditions = (policy.spec?.matchConditions ?? []).map(({ expression }) =>
    new ExpressionCompiler(cel).compile(expression, "bool", options),
  );
  return faultsAt([
    ...conditions.map((each, index) => [`spec.matchConditions[${index}].expression`, each] as const),
    ...variables.map(({ expression }, index) => [`spec.variables[${index}].expression`, expression] as const),
    ...mutations.map(({ patchType, expression }, index) => {
      const field = patchType === "JSONPatch" ? "jsonPatch" : "applyConfiguration";
      return [`spec.mutations[${index}].${field}.expression`, expression] as const;
    }),
  ]);
}
