/**
 * Default roles within kube-system and kube-public.
 * upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/namespace_policy.go
 */
import type { Role, RoleBinding } from "#api/generated/types/rbac-v1.ts";
import { account, binding, core, eventsRule, read, role, rule, user } from "./rule.ts";

const system = "kube-system";
const open = "kube-public";

/** Leader election by a config map of the component's name, as old clients do, or by leases. */
const leaderLocking = (component: string, leases: boolean): Role =>
  role(system, `system::leader-locking-${component}`, [
    rule("watch", core, "configmaps"),
    rule("get update", core, "configmaps", component),
    ...(leases ? [rule("get watch list create update", "coordination.k8s.io", "leases")] : []),
  ]);

export const namespaceRoles = (): Role[] => [
  role(system, "extension-apiserver-authentication-reader", [
    rule(read, core, "configmaps", "extension-apiserver-authentication"),
  ]),
  role(system, "system:controller:bootstrap-signer", [rule(read, core, "secrets")]),
  role(system, "system:controller:cloud-provider", [rule(`create ${read}`, core, "configmaps")]),
  role(system, "system:controller:token-cleaner", [rule(`${read} delete`, core, "secrets"), eventsRule]),
  leaderLocking("kube-controller-manager", true),
  leaderLocking("kube-scheduler", false),
  role(open, "system:controller:bootstrap-signer", [
    rule(read, core, "configmaps"),
    rule("update", core, "configmaps", "cluster-info"),
    eventsRule,
  ]),
];

export const namespaceRoleBindings = (): RoleBinding[] => [
  binding(
    system,
    "system::extension-apiserver-authentication-reader",
    [user("system:kube-controller-manager"), user("system:kube-scheduler")],
    "extension-apiserver-authentication-reader",
  ),
  binding(system, "system::leader-locking-kube-controller-manager", [
    user("system:kube-controller-manager"),
    account("kube-controller-manager"),
    account("leader-election-controller"),
  ]),
  binding(system, "system::leader-locking-kube-scheduler", [
    user("system:kube-scheduler"),
    account("kube-scheduler"),
  ]),
  binding(system, "system:controller:bootstrap-signer", [account("bootstrap-signer")]),
  binding(system, "system:controller:cloud-provider", [account("cloud-provider")]),
  binding(system, "system:controller:token-cleaner", [account("token-cleaner")]),
  binding(open, "system:controller:bootstrap-signer", [account("bootstrap-signer")]),
];
