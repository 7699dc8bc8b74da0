/**
 * What upstream's server follows all of: while it doesn't know one of these it isn't ready. Here most of them are looked
 * up where they are kept, and only those that can't be read tell.
 * upstream: the shared informers of kube-apiserver (pkg/controlplane/apiserver/config.go, cmd/kube-apiserver/app/server.go)
 */
import {
  clusterRoleBindings,
  clusterRoles,
  flowSchemas,
  ingressClasses,
  limitRanges,
  mutatingWebhookConfigurations,
  namespaces,
  nodes,
  persistentVolumes,
  pods,
  priorityClasses,
  priorityLevelConfigurations,
  resourceQuotas,
  roleBindings,
  roles,
  runtimeClasses,
  secrets,
  serviceAccounts,
  services,
  storageClasses,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  volumeAttachments,
} from "#api/resources.ts";
import type { ResourceRef } from "#api/resource-ref.ts";

export const followedResources: readonly ResourceRef[] = [
  namespaces,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  services,
  limitRanges,
  resourceQuotas,
  persistentVolumes,
  volumeAttachments,
  storageClasses,
  ingressClasses,
  runtimeClasses,
  priorityClasses,
  roles,
  roleBindings,
  clusterRoles,
  clusterRoleBindings,
  flowSchemas,
  priorityLevelConfigurations,
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
];
