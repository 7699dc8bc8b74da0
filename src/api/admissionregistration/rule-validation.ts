/** Which requests a webhook or policy is about. upstream: pkg/apis/admissionregistration/validation/validation.go validateRule, validateMatchConditions */
import type {
  MatchCondition,
  Rule,
  RuleWithOperations,
} from "../generated/types/admissionregistration-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";

const scopes = ["*", "Cluster", "Namespaced"];
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const matchConditionsMax = 64;

export function checkRuleWithOperations(
  rule: Loose<RuleWithOperations>,
  at: string,
  faults: FaultList,
): void {
  const own = rule.operations ?? [];
  if (own.length === 0) faults.required(`${at}.operations`);
  if (own.length > 1 && own.includes("*")) {
    faults.invalid(`${at}.operations`, own, "if '*' is present, must not specify other operations");
  }
  for (const [index, operation] of own.entries()) {
    if (!operations.includes(operation)) {
      faults.notSupported(`${at}.operations[${index}]`, operation, operations);
    }
  }
  checkRule(rule, at, faults);
}

function checkRule(rule: Loose<Rule>, at: string, faults: FaultList): void {
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  if (apiGroups.length === 0) faults.required(`${at}.apiGroups`);
  if (apiGroups.length > 1 && apiGroups.includes("*")) {
    faults.invalid(`${at}.apiGroups`, apiGroups, "if '*' is present, must not specify other API groups");
  }
  if (apiVersions.length === 0) faults.required(`${at}.apiVersions`);
  if (apiVersions.length > 1 && apiVersions.includes("*")) {
    faults.invalid(
      `${at}.apiVersions`,
      apiVersions,
      "if '*' is present, must not specify other API versions",
    );
  }
  for (const [index, version] of apiVersions.entries()) {
    if (version === "") faults.required(`${at}.apiVersions[${index}]`);
  }
  checkResources(resources, `${at}.resources`, faults);
  faults.optionalOneOf(`${at}.scope`, scope, scopes);
}

function checkResources(resources: readonly string[], path: string, faults: FaultList): void {
  if (resources.length === 0) faults.required(path);
  const withAnySubresource = new Set<string>();
  const ofAnyResource = new Set<string>();
  let hasPlain = false;
  for (const [index, text] of resources.entries()) {
    const at = `${path}[${index}]`;
    if (text === "") {
      faults.required(at);
      continue;
    }
    const slash = text.indexOf("/");
    if (slash < 0) {
      hasPlain = text !== "*";
      continue;
    }
    const resource = text.slice(0, slash);
    const subresource = text.slice(slash + 1);
    if (withAnySubresource.has(resource)) {
      faults.invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`);
    }
    if (ofAnyResource.has(subresource)) {
      faults.invalid(at, text, `if '*/${subresource}' is present, must not specify ${text}`);
    }
    if (subresource === "*") withAnySubresource.add(resource);
    if (resource === "*") ofAnyResource.add(subresource);
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    faults.invalid(path, resources, "if '*/*' is present, must not specify other resources");
  }
  if (resources.includes("*") && hasPlain) {
    faults.invalid(
      path,
      resources,
      "if '*' is present, must not specify other resources without subresources",
    );
  }
}

/** Whether the expressions compile is looked at in admission. */
export function checkMatchConditions(
  conditions: readonly Loose<MatchCondition>[],
  path: string,
  faults: FaultList,
): void {
  if (conditions.length > matchConditionsMax) faults.tooMany(path, conditions.length, matchConditionsMax);
  const names = new Set<string>();
  for (const [index, { name = "", expression = "" }] of conditions.entries()) {
    const at = `${path}[${index}]`;
    if (expression.trim() === "") faults.required(`${at}.expression`);
    if (name === "") faults.required(`${at}.name`);
    else {
      faults.messages(`${at}.name`, name, qualifiedNameFaults(name));
      if (names.has(name)) faults.duplicate(`${at}.name`, name);
      names.add(name);
    }
  }
}
