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
