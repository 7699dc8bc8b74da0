/**
 * Admission policies and their bindings, but for whether their expressions compile: admission sees to that.
 * upstream: pkg/apis/admissionregistration/validation/validation.go
 */
import type {
  AuditAnnotation,
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from "../generated/types/admissionregistration-v1.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
} from "../generated/types/admissionregistration-v1beta1.ts";
import { checkConditions } from "../meta/conditions-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelSelector, isSame } from "../meta/field-rules.ts";
import { asGoStruct } from "../meta/go-struct.ts";
import { JsonPathError, parseJsonPath } from "../meta/json-path.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import {
  dns1035LabelFaults,
  dnsSubdomainFaults,
  pathSegmentFaults,
  qualifiedNameFaults,
} from "../meta/names.ts";
import { checkMatchConditions, checkRuleWithOperations } from "./rule-validation.ts";

const failurePolicies = ["Fail", "Ignore"];
const matchPolicies = ["Equivalent", "Exact"];
/** In upstream's order, which isn't that of webhooks. */
const reinvocationPolicies = ["Never", "IfNeeded"];
const patchTypes = ["ApplyConfiguration", "JSONPatch"];
const actions = ["Audit", "Deny", "Warn"];
/** Not "Unauthorized", although the type names it. */
const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const mutableOperations = ["*", "CONNECT", "CREATE", "UPDATE"];
const auditAnnotationsMax = 20;
const valueExpressionBytesMax = 5 * 1024;

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reservedWords = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

const isBlank = (text: string | undefined): boolean => (text ?? "").trim() === "";

function checkParamKind(kind: Loose<ParamKind> | undefined, at: string, faults: FaultList): void {
  if (kind === undefined) return;
  const { apiVersion = "", kind: name = "" } = kind;
  if (apiVersion === "") faults.required(`${at}.apiVersion`);
  else checkApiVersion(apiVersion, `${at}.apiVersion`, faults);
  if (name === "") faults.required(`${at}.kind`);
  else {
    const wrong = dns1035LabelFaults(name.toLowerCase());
    if (wrong.length > 0) {
      faults.invalid(
        `${at}.kind`,
        name,
        `may have mixed case, but should otherwise match: ${wrong.join(",")}`,
      );
    }
  }
}

function checkApiVersion(text: string, path: string, faults: FaultList): void {
  const parts = text === "/" ? [""] : text.split("/");
  if (parts.length > 2) {
    faults.invalid(path, text, `unexpected GroupVersion string: ${text}`);
    return;
  }
  const [group = "", version = ""] = parts.length === 1 ? ["", ...parts] : parts;
  const wrongGroup = group === "" ? [] : dnsSubdomainFaults(group);
  if (wrongGroup.length > 0) faults.invalid(path, group, wrongGroup.join(","));
  if (version === "") faults.invalid(path, text, "version must be specified");
  else {
    const wrong = dns1035LabelFaults(version);
    if (wrong.length > 0) faults.invalid(path, version, wrong.join(","));
  }
}

function checkMatchResources(match: Loose<MatchResources> | undefined, at: string, faults: FaultList): void {
  if (match === undefined) return;
  const { matchPolicy, namespaceSelector, objectSelector } = match;
  if (matchPolicy === undefined) faults.required(`${at}.matchPolicy`);
  else if (!matchPolicies.includes(matchPolicy)) {
    faults.notSupported(`${at}.matchPolicy`, matchPolicy, matchPolicies);
  }
  if (namespaceSelector === undefined) faults.required(`${at}.namespaceSelector`);
  if (objectSelector === undefined) faults.required(`${at}.objectSelector`);
  checkLabelSelector(namespaceSelector, `${at}.namespaceSelector`, faults);
  checkLabelSelector(objectSelector, `${at}.objectSelector`, faults);
  for (const list of ["resourceRules", "excludeResourceRules"] as const) {
    for (const [index, rule] of (match[list] ?? []).entries()) {
      checkNamedRule(rule, `${at}.${list}[${index}]`, faults);
    }
  }
}

function checkNamedRule(rule: Loose<NamedRuleWithOperations>, at: string, faults: FaultList): void {
  const names = new Set<string>();
  for (const [index, name] of (rule.resourceNames ?? []).entries()) {
    const path = `${at}.resourceNames[${index}]`;
    faults.messages(path, name, pathSegmentFaults(name));
    if (names.has(name)) faults.duplicate(path, name);
    names.add(name);
  }
  checkRuleWithOperations(rule, at, faults);
}

/** At least one rule says which kinds expressions are about. */
function checkConstraints(match: Loose<MatchResources> | undefined, faults: FaultList): void {
  const at = "spec.matchConstraints";
  if (match === undefined) {
    faults.required(at);
    return;
  }
  checkMatchResources(match, at, faults);
  if ((match.resourceRules ?? []).length === 0) faults.required(`${at}.resourceRules`);
}

/** What is going away can't be changed any more. */
function checkMutableOperations(
  match: Loose<MatchResources> | undefined,
  at: string,
  faults: FaultList,
): void {
  for (const { operations = [] } of match?.resourceRules ?? []) {
    for (const operation of operations) {
      if (!mutableOperations.includes(operation)) {
        faults.notSupported(`${at}.resourceRules.operations`, operation, mutableOperations);
      }
    }
  }
}

function checkFailurePolicy(policy: string | undefined, faults: FaultList): void {
  if (policy === undefined) faults.required("spec.failurePolicy");
  else if (!failurePolicies.includes(policy)) {
    faults.notSupported("spec.failurePolicy", policy, failurePolicies);
  }
}

function checkVariables(variables: readonly Loose<Variable>[] | undefined, faults: FaultList): void {
  for (const [index, { name = "", expression }] of (variables ?? []).entries()) {
    const at = `spec.variables[${index}]`;
    if (isBlank(name)) faults.required(`${at}.name`, "name is not specified");
    else if (!identifier.test(name) || reservedWords.has(name)) {
      faults.invalid(`${at}.name`, name, "must be a valid CEL identifier");
    }
    if (isBlank(expression)) faults.required(`${at}.expression`, "expression is not specified");
  }
}

function checkValidation(validation: Loose<Validation>, at: string, faults: FaultList): void {
  const { expression, message = "", messageExpression = "", reason } = validation;
  if (isBlank(expression)) faults.required(`${at}.expression`, "expression is not specified");
  if (messageExpression !== "" && isBlank(messageExpression)) {
    faults.invalid(`${at}.messageExpression`, messageExpression, "must be non-empty if specified");
  }
  if (message !== "" && isBlank(message)) {
    faults.invalid(`${at}.message`, message, "must be non-empty if specified");
  } else if (/[\n\r]/.test(message.trim())) {
    faults.invalid(`${at}.message`, message, "must not contain line breaks");
  }
  faults.optionalOneOf(`${at}.reason`, reason, reasons);
}

function checkAuditAnnotations(
  annotations: readonly Loose<AuditAnnotation>[],
  policyName: string,
  faults: FaultList,
): void {
  const path = "spec.auditAnnotations";
  if (annotations.length > auditAnnotationsMax) {
    const shown = asGoStruct(annotations, { Key: ["key", ""], ValueExpression: ["valueExpression", ""] });
    faults.invalid(path, shown, `must not have more than ${auditAnnotationsMax} auditAnnotations`);
  }
  const keys = new Set<string>();
  for (const [index, { key = "", valueExpression = "" }] of annotations.entries()) {
    const at = `${path}[${index}]`;
    if (policyName === "") faults.invalid(`${at}.key`, key, "requires metadata.name be non-empty");
    else {
      const name = `${policyName}/${key}`;
      faults.messages(`${at}.key`, name, qualifiedNameFaults(name));
    }
    if (isBlank(valueExpression)) {
      faults.required(`${at}.valueExpression`, "valueExpression is not specified");
    } else if (Buffer.byteLength(valueExpression.trim()) > valueExpressionBytesMax) {
      faults.required(`${at}.valueExpression`, `must not exceed ${valueExpressionBytesMax} bytes in length`);
    }
    if (keys.has(key)) faults.duplicate(`${at}.key`, key);
    keys.add(key);
  }
}

/** Conditions that were taken once stay good as long as they may mean the same. */
function checkPolicyConditions(
  { spec = {} }: Loose<ValidatingAdmissionPolicy>,
  old: Loose<ValidatingAdmissionPolicy> | undefined,
  faults: FaultList,
): void {
  if (old !== undefined && hasSameConditions(spec, old.spec ?? {})) return;
  checkMatchConditions(spec.matchConditions ?? [], "spec.matchConditions", faults);
}

type Conditioned = NonNullable<Loose<ValidatingAdmissionPolicy>["spec"]>;

export const hasSameConditions = (spec: Conditioned, old: Conditioned): boolean =>
  isSame(spec.paramKind, old.paramKind) && isSame(spec.matchConditions, old.matchConditions);

function checkValidatingPolicy(
  policy: Loose<ValidatingAdmissionPolicy>,
  old: Loose<ValidatingAdmissionPolicy> | undefined,
  faults: FaultList,
): void {
  const { spec = {}, metadata } = policy;
  const { validations = [], auditAnnotations = [] } = spec;
  checkFailurePolicy(spec.failurePolicy, faults);
  checkParamKind(spec.paramKind, "spec.paramKind", faults);
  checkConstraints(spec.matchConstraints, faults);
  checkPolicyConditions(policy, old, faults);
  checkVariables(spec.variables, faults);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const text = "validations or auditAnnotations must contain at least one item";
    faults.required("spec.validations", text);
    faults.required("spec.auditAnnotations", text);
    return;
  }
  for (const [index, validation] of validations.entries()) {
    checkValidation(validation, `spec.validations[${index}]`, faults);
  }
  checkAuditAnnotations(auditAnnotations, metadata?.name ?? "", faults);
}

function checkMutatingPolicy(
  policy: Loose<MutatingAdmissionPolicy>,
  old: Loose<MutatingAdmissionPolicy> | undefined,
  faults: FaultList,
): void {
  const { spec = {} } = policy;
  checkFailurePolicy(spec.failurePolicy, faults);
  checkParamKind(spec.paramKind, "spec.paramKind", faults);
  checkConstraints(spec.matchConstraints, faults);
  checkMutableOperations(spec.matchConstraints, "spec.matchConstraints", faults);
  checkPolicyConditions(policy, old, faults);
  checkVariables(spec.variables, faults);
  const { mutations = [] } = spec;
  if (mutations.length === 0) faults.required("spec.mutations", "mutations must contain at least one item");
  for (const [index, mutation] of mutations.entries()) {
    checkMutation(mutation, `spec.mutations[${index}]`, faults);
  }
  faults.oneOf("spec.reinvocationPolicy", spec.reinvocationPolicy, reinvocationPolicies);
}

function checkMutation(mutation: Loose<Mutation>, at: string, faults: FaultList): void {
  const { patchType = "" } = mutation;
  if (!patchTypes.includes(patchType)) {
    faults.oneOf(`${at}.patchType`, patchType, patchTypes);
    return;
  }
  const [own, other] =
    patchType === "JSONPatch"
      ? (["jsonPatch", "applyConfiguration"] as const)
      : (["applyConfiguration", "jsonPatch"] as const);
  const patch = mutation[own];
  if (patch === undefined) {
    faults.required(`${at}.${own}`, `must be specified when patchType is ${patchType}`);
  } else if (isBlank(patch.expression)) faults.required(`${at}.${own}.expression`);
  if (mutation[other] !== undefined) {
    faults.invalid(`${at}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`);
  }
}

function checkPolicyStatus(
  { status = {} }: Loose<ValidatingAdmissionPolicy>,
  _old: Loose<ValidatingAdmissionPolicy>,
  faults: FaultList,
): void {
  for (const [index, one] of (status.typeChecking?.expressionWarnings ?? []).entries()) {
    const at = `status.typeChecking.expressionWarnings[${index}]`;
    if ((one.warning ?? "") === "") faults.required(`${at}.warning`);
    checkFieldRef((one.fieldRef ?? "").trim(), `${at}.fieldRef`, faults);
  }
  checkConditions(status.conditions, "status.conditions", faults);
}

function checkFieldRef(ref: string, path: string, faults: FaultList): void {
  if (ref === "") {
    faults.required(path);
    return;
  }
  try {
    parseJsonPath(ref);
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    faults.invalid(path, ref, `invalid JSONPath: ${error.message}`);
  }
}

type BindingSpec = Loose<NonNullable<MutatingAdmissionPolicyBinding["spec"]>>;

function checkBindingSpec(
  { policyName = "", paramRef, matchResources }: BindingSpec,
  faults: FaultList,
): void {
  if (policyName === "") faults.required("spec.policyName");
  else faults.messages("spec.policyName", policyName, dnsSubdomainFaults(policyName));
  checkParamRef(paramRef, "spec.paramRef", faults);
  checkMatchResources(matchResources, "spec.matchResources", faults);
}

function checkParamRef(ref: Loose<ParamRef> | undefined, at: string, faults: FaultList): void {
  if (ref === undefined) return;
  const { name = "", selector, parameterNotFoundAction = "" } = ref;
  const both = "name and selector are mutually exclusive";
  if (name !== "") {
    faults.messages(`${at}.name`, name, pathSegmentFaults(name));
    if (selector !== undefined) faults.forbidden(`${at}.name`, both);
  }
  checkLabelSelector(selector, `${at}.selector`, faults);
  if (name !== "" && selector !== undefined) faults.forbidden(`${at}.selector`, both);
  if (name === "" && selector === undefined) {
    faults.required(at, "one of name or selector must be specified");
  }
  faults.oneOf(`${at}.parameterNotFoundAction`, parameterNotFoundAction, ["Deny", "Allow"]);
}

function checkActions(wanted: readonly string[], faults: FaultList): void {
  const path = "spec.validationActions";
  const seen = new Set<string>();
  for (const [index, action] of wanted.entries()) {
    if (!actions.includes(action)) faults.notSupported(`${path}[${index}]`, action, actions);
    if (seen.has(action)) faults.duplicate(`${path}[${index}]`, action);
    seen.add(action);
  }
  if (seen.has("Deny") && seen.has("Warn")) {
    faults.invalid(
      path,
      wanted,
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
    );
  }
  if (seen.size === 0) faults.required(path, "at least one validation action is required");
}

export const validatingPolicyValidations: ValidationsByKind = {
  ValidatingAdmissionPolicy: {
    plainFinalizers: true,
    steps: ["metadata", "change"],
    onCreate: (policy: Loose<ValidatingAdmissionPolicy>, faults: FaultList) => {
      checkValidatingPolicy(policy, undefined, faults);
    },
    onUpdate: checkValidatingPolicy,
    onStatusUpdate: checkPolicyStatus,
    statusSteps: ["change"],
  },
  ValidatingAdmissionPolicyBinding: {
    plainFinalizers: true,
    steps: ["metadata", "rules"],
    check: ({ spec = {} }: Loose<ValidatingAdmissionPolicyBinding>, faults: FaultList) => {
      checkBindingSpec(spec, faults);
      checkActions(spec.validationActions ?? [], faults);
    },
  },
};

export const mutatingPolicyValidations: ValidationsByKind = {
  MutatingAdmissionPolicy: {
    plainFinalizers: true,
    steps: ["metadata", "change"],
    onCreate: (policy: Loose<MutatingAdmissionPolicy>, faults: FaultList) => {
      checkMutatingPolicy(policy, undefined, faults);
    },
    onUpdate: checkMutatingPolicy,
  },
  MutatingAdmissionPolicyBinding: {
    plainFinalizers: true,
    steps: ["metadata", "rules"],
    check: ({ spec = {} }: Loose<MutatingAdmissionPolicyBinding>, faults: FaultList) => {
      checkBindingSpec(spec, faults);
      checkMutableOperations(spec.matchResources, "spec.matchResources", faults);
    },
  },
};
