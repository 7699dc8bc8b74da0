/**
 * What a 1.35 server publishes of a field that neither its Go type nor the models of 1.36 say.
 * Keys as in lists.ts. upstream: +required, +optional and +default markers in the types.go files
 */

/** 1.36 changed its mind about these. */
export const requiredFields: Readonly<Record<string, boolean>> = {
  "admissionregistration.v1.ValidatingAdmissionPolicyBinding.spec": false,
  "admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec.policyName": false,
  "admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec.validationActions": false,
  "authentication.v1.TokenRequest.spec": true,
  "authentication.v1.TokenRequestSpec.audiences": true,
  "authentication.v1.TokenRequestStatus.expirationTimestamp": true,
  "authentication.v1.TokenRequestStatus.token": true,
  "authentication.v1.TokenReviewSpec.token": false,
  "autoscaling.v1.HorizontalPodAutoscaler.spec": false,
  "autoscaling.v2.HorizontalPodAutoscaler.spec": false,
  "batch.v1.CronJob.spec": false,
  "certificates.v1beta1.PodCertificateRequestSpec.pkixPublicKey": true,
  "certificates.v1beta1.PodCertificateRequestSpec.proofOfPossession": true,
  "discovery.v1.EndpointSlice.endpoints": true,
  "networking.v1.IPAddress.spec": false,
  "policy.v1.PodDisruptionBudgetStatus.currentHealthy": true,
  "policy.v1.PodDisruptionBudgetStatus.desiredHealthy": true,
  "policy.v1.PodDisruptionBudgetStatus.disruptionsAllowed": true,
  "policy.v1.PodDisruptionBudgetStatus.expectedPods": true,
  "rbac.v1.RoleRef.apiGroup": true,
  "scheduling.v1.PriorityClass.value": true,
};

/** Published defaults other than the zero value of a field that is always written. */
export const schemaDefaults: Readonly<Record<string, string | number | boolean>> = {
  "autoscaling.v1.ScaleSpec.replicas": 0,
  "certificates.v1beta1.PodCertificateRequestSpec.maxExpirationSeconds": 86_400,
  "core.v1.AzureDiskVolumeSource.cachingMode": "ReadWrite",
  "core.v1.AzureDiskVolumeSource.fsType": "ext4",
  "core.v1.AzureDiskVolumeSource.kind": "Shared",
  "core.v1.AzureDiskVolumeSource.readOnly": false,
  "core.v1.ContainerPort.protocol": "TCP",
  "core.v1.FileKeySelector.optional": false,
  "core.v1.GRPCAction.service": "",
  "core.v1.ISCSIPersistentVolumeSource.iscsiInterface": "default",
  "core.v1.ISCSIVolumeSource.iscsiInterface": "default",
  "core.v1.LocalObjectReference.name": "",
  "core.v1.RBDPersistentVolumeSource.keyring": "/etc/ceph/keyring",
  "core.v1.RBDPersistentVolumeSource.pool": "rbd",
  "core.v1.RBDPersistentVolumeSource.user": "admin",
  "core.v1.RBDVolumeSource.keyring": "/etc/ceph/keyring",
  "core.v1.RBDVolumeSource.pool": "rbd",
  "core.v1.RBDVolumeSource.user": "admin",
  "core.v1.ReplicationControllerSpec.minReadySeconds": 0,
  "core.v1.ReplicationControllerSpec.replicas": 1,
  "core.v1.ScaleIOPersistentVolumeSource.fsType": "xfs",
  "core.v1.ScaleIOPersistentVolumeSource.storageMode": "ThinProvisioned",
  "core.v1.ScaleIOVolumeSource.fsType": "xfs",
  "core.v1.ScaleIOVolumeSource.storageMode": "ThinProvisioned",
  "core.v1.ServicePort.protocol": "TCP",
  "resource.v1.DeviceToleration.operator": "Equal",
};

/** Closed sets that validation of its own looks at, where enums.ts has those that the table's does. */
const addressType = { enum: ["FQDN", "IPv4", "IPv6"] };
const allocationMode = { enum: ["All", "ExactCount"] };
const failurePolicy = { enum: ["Fail", "Ignore"] };
const patchType = { enum: ["ApplyConfiguration", "JSONPatch"] };
const pathType = { enum: ["Exact", "ImplementationSpecific", "Prefix"] };
const reinvocationPolicy = { enum: ["IfNeeded", "Never"] };

/** What is published of a struct, or of a field, besides its shape. */
export const schemaMarks: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "admissionregistration.v1alpha1.MutatingAdmissionPolicySpec.failurePolicy": failurePolicy,
  "admissionregistration.v1alpha1.MutatingAdmissionPolicySpec.reinvocationPolicy": reinvocationPolicy,
  "admissionregistration.v1alpha1.Mutation.patchType": patchType,
  "admissionregistration.v1beta1.MutatingAdmissionPolicySpec.failurePolicy": failurePolicy,
  "admissionregistration.v1beta1.MutatingAdmissionPolicySpec.reinvocationPolicy": reinvocationPolicy,
  "admissionregistration.v1beta1.Mutation.patchType": patchType,
  "apiregistration.v1.APIServiceSpec.caBundle": { "x-kubernetes-list-type": "atomic" },
  "core.v1.AppArmorProfile": union("type", { localhostProfile: "LocalhostProfile" }),
  "core.v1.SeccompProfile": union("type", { localhostProfile: "LocalhostProfile" }),
  "discovery.v1.EndpointSlice.addressType": addressType,
  "flowcontrol.v1.LimitResponse": union("type", { queuing: "Queuing" }),
  "flowcontrol.v1.PriorityLevelConfigurationSpec": union("type", { exempt: "Exempt", limited: "Limited" }),
  "flowcontrol.v1.Subject": union("kind", {
    group: "Group",
    serviceAccount: "ServiceAccount",
    user: "User",
  }),
  "networking.v1.HTTPIngressPath.pathType": pathType,
  "resource.v1.DeviceSubRequest.allocationMode": allocationMode,
  "resource.v1.ExactDeviceRequest.allocationMode": allocationMode,
  "resource.v1beta1.DeviceRequest.allocationMode": allocationMode,
  "resource.v1beta1.DeviceSubRequest.allocationMode": allocationMode,
  "resource.v1beta2.DeviceSubRequest.allocationMode": allocationMode,
  "resource.v1beta2.ExactDeviceRequest.allocationMode": allocationMode,
};

function union(discriminator: string, fields: Readonly<Record<string, string>>): Record<string, unknown> {
  return { "x-kubernetes-unions": [{ discriminator, "fields-to-discriminateBy": fields }] };
}

/** DeleteOptions and WatchEvent belong to every group version that the server knows, whether it serves it or not. */
export const knownGroupVersions: readonly string[] = [
  "v1",
  "admission.k8s.io/v1",
  "admission.k8s.io/v1beta1",
  "admissionregistration.k8s.io/v1",
  "admissionregistration.k8s.io/v1alpha1",
  "admissionregistration.k8s.io/v1beta1",
  "apiextensions.k8s.io/v1",
  "apiextensions.k8s.io/v1beta1",
  "apiregistration.k8s.io/v1",
  "apiregistration.k8s.io/v1beta1",
  "apps/v1",
  "apps/v1beta1",
  "apps/v1beta2",
  "authentication.k8s.io/v1",
  "authentication.k8s.io/v1alpha1",
  "authentication.k8s.io/v1beta1",
  "authorization.k8s.io/v1",
  "authorization.k8s.io/v1beta1",
  "autoscaling/v1",
  "autoscaling/v2",
  "autoscaling/v2beta1",
  "autoscaling/v2beta2",
  "batch/v1",
  "batch/v1beta1",
  "certificates.k8s.io/v1",
  "certificates.k8s.io/v1alpha1",
  "certificates.k8s.io/v1beta1",
  "coordination.k8s.io/v1",
  "coordination.k8s.io/v1alpha2",
  "coordination.k8s.io/v1beta1",
  "discovery.k8s.io/v1",
  "discovery.k8s.io/v1beta1",
  "events.k8s.io/v1",
  "events.k8s.io/v1beta1",
  "extensions/v1beta1",
  "flowcontrol.apiserver.k8s.io/v1",
  "flowcontrol.apiserver.k8s.io/v1beta1",
  "flowcontrol.apiserver.k8s.io/v1beta2",
  "flowcontrol.apiserver.k8s.io/v1beta3",
  "imagepolicy.k8s.io/v1alpha1",
  "internal.apiserver.k8s.io/v1alpha1",
  "networking.k8s.io/v1",
  "networking.k8s.io/v1beta1",
  "node.k8s.io/v1",
  "node.k8s.io/v1alpha1",
  "node.k8s.io/v1beta1",
  "policy/v1",
  "policy/v1beta1",
  "rbac.authorization.k8s.io/v1",
  "rbac.authorization.k8s.io/v1alpha1",
  "rbac.authorization.k8s.io/v1beta1",
  "resource.k8s.io/v1",
  "resource.k8s.io/v1alpha3",
  "resource.k8s.io/v1beta1",
  "resource.k8s.io/v1beta2",
  "scheduling.k8s.io/v1",
  "scheduling.k8s.io/v1alpha1",
  "scheduling.k8s.io/v1beta1",
  "storage.k8s.io/v1",
  "storage.k8s.io/v1alpha1",
  "storage.k8s.io/v1beta1",
  "storagemigration.k8s.io/v1beta1",
];
