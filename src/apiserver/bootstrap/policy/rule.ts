/** Short forms for the tables of default policy. Lists are words with spaces between; they come out sorted, as upstream's do. */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "#api/generated/types/rbac-v1.ts";

const rbacGroup = "rbac.authorization.k8s.io";

export const read = "get list watch";
export const write = "create update patch delete deletecollection";
export const readWrite = `${read} ${write}`;
export const readUpdate = `${read} update patch`;

/** The core group, which has no name, is written "core" in the tables. */
export const core = "core";

const words = (text: string): string[] => text.split(/\s+/).toSorted();

export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups)
      .map((group) => (group === core ? "" : group))
      .toSorted(),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}

export const urlRule = (verbs: string, urls: string): PolicyRule => ({
  verbs: words(verbs),
  nonResourceURLs: words(urls),
});

/** Whoever reports events needs this. */
export const eventsRule = rule("create update patch", `${core} events.k8s.io`, "events");

/** Marks what we made, and allows us to add to it at a later start. `where`: the namespace, if it is of one. */
const metadataOf = (
  name: string,
  where: { readonly namespace?: string } = {},
  labels: Readonly<Record<string, string>> = {},
): NonNullable<Role["metadata"]> => ({
  ...where,
  name,
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
});

export function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): ClusterRole {
  return {
    metadata: metadataOf(name, {}, labels),
    rules: [...rules],
  };
}

/** A role that is the sum of those labelled `aggregate-to-NAME`, and itself part of `into`. */
export function sumRole(name: string, into?: string): ClusterRole {
  return {
    ...clusterRole(name, [], into === undefined ? {} : aggregateTo(into)),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(name) }] },
  };
}

export const aggregateTo = (name: string): Record<string, string> => ({
  [`${rbacGroup}/aggregate-to-${name}`]: "true",
});

export const user = (name: string): Subject => ({ apiGroup: rbacGroup, kind: "User", name });
export const group = (name: string): Subject => ({ apiGroup: rbacGroup, kind: "Group", name });
export const account = (name: string): Subject => ({
  kind: "ServiceAccount",
  name,
  namespace: "kube-system",
});

/** Binds the cluster role of the same name. */
export function clusterBinding(name: string, subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    metadata: metadataOf(name),
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name },
    ...(subjects.length === 0 ? {} : { subjects: [...subjects] }),
  };
}

export function role(namespace: string, name: string, rules: readonly PolicyRule[]): Role {
  return {
    metadata: metadataOf(name, { namespace }),
    rules: [...rules],
  };
}

export function binding(
  namespace: string,
  name: string,
  subjects: readonly Subject[],
  roleName = name,
): RoleBinding {
  return {
    metadata: metadataOf(name, { namespace }),
    roleRef: { apiGroup: rbacGroup, kind: "Role", name: roleName },
    subjects: [...subjects],
  };
}
