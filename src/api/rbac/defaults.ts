/** Defaults of the rbac group. upstream: pkg/apis/rbac/v1/defaults.go */
import type { ClusterRoleBinding, RoleBinding, Subject } from "../generated/types/rbac-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

const rbacGroup = "rbac.authorization.k8s.io";

function defaultSubject(subject: Loose<Subject>): void {
  if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= rbacGroup;
}

function defaultBinding(binding: Loose<RoleBinding | ClusterRoleBinding>): void {
  const role = (binding.roleRef ??= {});
  role.apiGroup ||= rbacGroup;
  binding.subjects?.forEach(defaultSubject);
}

export const rbacDefaults: DefaultsByKind = {
  ClusterRoleBinding: defaultBinding,
  RoleBinding: defaultBinding,
};
