/** Roles and bindings. upstream: pkg/apis/rbac/validation/validation.go */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "../generated/types/rbac-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct } from "../meta/go-struct.ts";
import { checkLabelSelector, isSame } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, pathSegmentFaults, pathSegmentPrefixFaults } from "../meta/names.ts";

const rbacGroup = "rbac.authorization.k8s.io";

function checkRule(rule: Loose<PolicyRule>, namespaced: boolean, path: string, faults: FaultList): void {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  if (verbs.length === 0) faults.required(`${path}.verbs`, "verbs must contain at least one value");
  if (nonResourceURLs.length > 0) {
    const at = `${path}.nonResourceURLs`;
    if (namespaced) {
      faults.invalid(at, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs");
    }
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      faults.invalid(
        at,
        nonResourceURLs,
        "rules cannot apply to both regular resources and non-resource URLs",
      );
    }
    return;
  }
  if (apiGroups.length === 0) {
    faults.required(`${path}.apiGroups`, "resource rules must supply at least one api group");
  }
  if (resources.length === 0) {
    faults.required(`${path}.resources`, "resource rules must supply at least one resource");
  }
}

function checkRole({ rules = [] }: Loose<Role>, faults: FaultList): void {
  for (const [index, rule] of rules.entries()) checkRule(rule, true, `rules[${index}]`, faults);
}

function checkClusterRole({ rules = [], aggregationRule }: Loose<ClusterRole>, faults: FaultList): void {
  for (const [index, rule] of rules.entries()) checkRule(rule, false, `rules[${index}]`, faults);
  if (aggregationRule === undefined) return;
  const path = "aggregationRule.clusterRoleSelectors";
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    faults.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil");
  }
  for (const [index, selector] of selectors.entries()) {
    const before = faults.count;
    checkLabelSelector(selector, `${path}[${index}]`, faults);
    // Upstream reads it as well, and shows the nothing that comes of it.
    if (faults.count > before) faults.invalid(`${path}[${index}]`, undefined, "invalid label selector.");
  }
}

function checkSubject(subject: Loose<Subject>, namespaced: boolean, path: string, faults: FaultList): void {
  const { kind = "", name = "", namespace = "", apiGroup = "" } = subject;
  if (name === "") faults.required(`${path}.name`);
  switch (kind) {
    case "ServiceAccount":
      if (name !== "") faults.messages(`${path}.name`, name, dnsSubdomainFaults(name));
      if (apiGroup !== "") faults.notSupported(`${path}.apiGroup`, apiGroup, [""]);
      if (!namespaced && namespace === "") faults.required(`${path}.namespace`);
      break;
    case "User":
    case "Group":
      if (apiGroup !== rbacGroup) faults.notSupported(`${path}.apiGroup`, apiGroup, [rbacGroup]);
      break;
    default:
      faults.notSupported(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"]);
  }
}

type Binding = Loose<RoleBinding | ClusterRoleBinding>;

function checkBinding({ roleRef, subjects = [] }: Binding, namespaced: boolean, faults: FaultList): void {
  const { apiGroup = "", kind = "", name = "" } = roleRef ?? {};
  if (apiGroup !== rbacGroup) faults.notSupported("roleRef.apiGroup", apiGroup, [rbacGroup]);
  const kinds = namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"];
  if (!kinds.includes(kind)) faults.notSupported("roleRef.kind", kind, kinds);
  if (name === "") faults.required("roleRef.name");
  else faults.messages("roleRef.name", name, pathSegmentFaults(name));
  for (const [index, subject] of subjects.entries()) {
    checkSubject(subject, namespaced, `subjects[${index}]`, faults);
  }
}

function checkBindingUpdate({ roleRef }: Binding, old: Binding, faults: FaultList): void {
  if (isSame(roleRef, old.roleRef)) return;
  const shown = asGoStruct(roleRef, { APIGroup: ["apiGroup", ""], Kind: ["kind", ""], Name: ["name", ""] });
  faults.invalid("roleRef", shown, "cannot change roleRef");
}

const names = { nameFaults: pathSegmentFaults, prefixFaults: pathSegmentPrefixFaults };

export const rbacValidations: ValidationsByKind = {
  ClusterRole: { ...names, check: checkClusterRole, steps: ["metadata", "rules", "metadata change"] },
  ClusterRoleBinding: {
    ...names,
    check: (binding: Binding, faults) => checkBinding(binding, false, faults),
    onUpdate: checkBindingUpdate,
    steps: ["metadata", "rules", "metadata change", "change"],
  },
  Role: { ...names, check: checkRole, steps: ["metadata", "rules", "metadata change"] },
  RoleBinding: {
    ...names,
    check: (binding: Binding, faults) => checkBinding(binding, true, faults),
    onUpdate: checkBindingUpdate,
    steps: ["metadata", "rules", "metadata change", "change"],
  },
};
