/**
 * Policies and bindings as they are written: what they must have, and that their expressions compile.
 * Late, as admission, for validation proper mustn't wait for the engine to be loaded. upstream: pkg/apis/admissionregistration/validation/validation.go
 */
import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "#api/generated/types/admissionregistration-v1.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { invalidError } from "#api/meta/status.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns } from "../refuse.ts";
import type { PolicyDeps } from "./validating.ts";

export class PolicyExpressions implements AdmissionPlugin {
  readonly name = "PolicyExpressions";
  readonly resources = [
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
  ];
  readonly #deps: Pick<PolicyDeps, "loadExpressions">;

  constructor(deps: Pick<PolicyDeps, "loadExpressions">) {
    this.#deps = deps;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.subresource !== "" || attributes.object === undefined) return;
    const faults = new FaultList();
    if (concerns(attributes, "validatingadmissionpolicies.admissionregistration.k8s.io")) {
      await this.#policy(attributes.object, faults);
    } else if (concerns(attributes, "validatingadmissionpolicybindings.admissionregistration.k8s.io")) {
      checkBinding(attributes.object, faults);
    }
    if (faults.count === 0) return;
    const { group, kind } = attributes.gvk;
    throw invalidError({ group, kind, name: attributes.name }, faults.all);
  }

  async #policy(policy: ValidatingAdmissionPolicy, faults: FaultList): Promise<void> {
    const { spec = {} } = policy;
    checkConstraints(spec.matchConstraints, faults);
    checkParamKind(policy, faults);
    if ((spec.validations ?? []).length === 0 && (spec.auditAnnotations ?? []).length === 0) {
      faults.required("spec.validations", "validations or auditAnnotations must contain at least one item");
    }
    for (const [index, { expression }] of (spec.validations ?? []).entries()) {
      if (expression.trim() === "") {
        faults.required(`spec.validations[${index}].expression`, "expression is not specified");
      }
    }
    if (faults.count > 0) return;
    const { cel, compilePolicy, expressionFaults } = await this.#deps.loadExpressions();
    const compiled = compilePolicy(cel, policy);
    for (const { path, text, fault } of expressionFaults(compiled)) faults.invalid(path, text, fault);
  }
}

function checkConstraints(constraints: MatchResources | undefined, faults: FaultList): void {
  if (constraints === undefined) faults.required("spec.matchConstraints", "");
  else if ((constraints.resourceRules ?? []).length === 0) {
    faults.required("spec.matchConstraints.resourceRules", "");
  }
}

function checkParamKind({ spec }: ValidatingAdmissionPolicy, faults: FaultList): void {
  const kind = spec?.paramKind;
  if (kind === undefined) return;
  if ((kind.apiVersion ?? "") === "") faults.required("spec.paramKind.apiVersion", "");
  if ((kind.kind ?? "") === "") faults.required("spec.paramKind.kind", "");
}

function checkBinding({ spec = {} }: ValidatingAdmissionPolicyBinding, faults: FaultList): void {
  const { policyName = "", validationActions = [], paramRef } = spec;
  if (policyName === "") faults.required("spec.policyName", "");
  if (validationActions.length === 0) faults.required("spec.validationActions", "");
  if (validationActions.includes("Deny") && validationActions.includes("Warn")) {
    faults.invalid(
      "spec.validationActions",
      validationActions,
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
    );
  }
  if (paramRef === undefined) return;
  const [hasName, hasSelector] = [(paramRef.name ?? "") !== "", paramRef.selector !== undefined];
  if (!hasName && !hasSelector) {
    faults.required("spec.paramRef", "one of name or selector must be specified");
  }
  if (hasName && hasSelector) {
    faults.forbidden("spec.paramRef.name", "name and selector are mutually exclusive");
  }
  if (paramRef.parameterNotFoundAction === undefined) {
    faults.required("spec.paramRef.parameterNotFoundAction", "");
  }
}
