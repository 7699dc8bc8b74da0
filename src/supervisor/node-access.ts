/**
 * Rights that nodes need here and upstream's default roles don't give: cluster DNS runs on every node, reads
 * namespaces, and publishes one slice per node.
 */
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "#api/generated/types/rbac-v1.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { createMissing } from "./create-missing.ts";

const name = "mini-k8s:node-network";
const apiGroup = "rbac.authorization.k8s.io";
const subjects = [{ kind: "User", name: "system:kube-proxy", apiGroup }];

const clusterRole: ClusterRole = {
  metadata: { name },
  rules: [
    { apiGroups: [""], resources: ["namespaces", "services", "nodes"], verbs: ["get", "list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
  ],
};
const clusterRoleBinding: ClusterRoleBinding = {
  metadata: { name },
  roleRef: { apiGroup, kind: "ClusterRole", name },
  subjects,
};
const metadata = { name, namespace: "kube-system" };
const role: Role = {
  metadata,
  rules: [
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["create", "update"] },
    { apiGroups: [""], resources: ["services"], verbs: ["create"] },
  ],
};
const roleBinding: RoleBinding = { metadata, roleRef: { apiGroup, kind: "Role", name }, subjects };

export async function ensureNodeAccess(client: Client): Promise<void> {
  await Promise.all([
    createMissing(client.resource(clusterRoles), clusterRole),
    createMissing(client.resource(clusterRoleBindings), clusterRoleBinding),
    createMissing(client.resource(roles, "kube-system"), role),
    createMissing(client.resource(roleBindings, "kube-system"), roleBinding),
  ]);
}
