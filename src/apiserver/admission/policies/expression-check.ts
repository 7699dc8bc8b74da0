/**
 * Policies as they are written: that their expressions compile. Late, as admission, for validation proper mustn't wait
 * for the engine to be loaded. upstream: pkg/apis/admissionregistration/validation/validation.go
 */
import { hasSameConditions } from "#api/admissionregistration/policy-validation.ts";
import type { ExpressionFault } from "#api/cel/policy/policy.ts";
import type { ValidatingAdmissionPolicy } from "#api/generated/types/admissionregistration-v1.ts";
import type { Expressions } from "#api/expressions.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { invalidError } from "#api/meta/status.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import type { PolicyDeps } from "./validating.ts";

type Check = (engine: Expressions, policy: AnyObject) => readonly ExpressionFault[];

const checks: Readonly<Record<string, Check>> = {
  ValidatingAdmissionPolicy: ({ cel, compilePolicy, expressionFaults }, policy) =>
    expressionFaults(compilePolicy(cel, policy)),
  MutatingAdmissionPolicy: ({ cel, mutatingPolicyFaults }, policy) => mutatingPolicyFaults(cel, policy),
};

export class PolicyExpressions implements AdmissionPlugin {
  readonly name = "PolicyExpressions";
  readonly resources = [
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
  ];
  readonly #deps: Pick<PolicyDeps, "loadExpressions">;

  constructor(deps: Pick<PolicyDeps, "loadExpressions">) {
    this.#deps = deps;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { gvk, object, oldObject, subresource, name } = attributes;
    const check = checks[gvk.kind];
    if (subresource !== "" || object === undefined || check === undefined) return;
    const faults = new FaultList();
    // Conditions that were taken once stay good as long as they may mean the same.
    const isOld = oldObject !== undefined && hasSameConditions(specOf(object), specOf(oldObject));
    for (const { path, text, fault } of check(await this.#deps.loadExpressions(), object)) {
      // What isn't there at all is found missing by validation.
      if (text.trim() === "" || (isOld && path.startsWith("spec.matchConditions["))) continue;
      faults.invalid(path, text, fault);
    }
    if (faults.count > 0) throw invalidError({ group: gvk.group, kind: gvk.kind, name }, faults.all);
  }
}

const specOf = (policy: AnyObject): NonNullable<ValidatingAdmissionPolicy["spec"]> =>
  (policy as ValidatingAdmissionPolicy).spec ?? {};
