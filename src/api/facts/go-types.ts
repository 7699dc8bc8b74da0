/**
 * What Go calls the strings that have a type of their own: decoders name it when something else stands there. A type a
 * line, behind it the fields, by the names of their structs; of a list it is the items'.
 * upstream: staging/src/k8s.io/api/<group>/<version>/types.go, apimachinery/pkg/apis/meta/v1/types.go
 */
const text = `
types.UID ObjectMeta.uid OwnerReference.uid ObjectReference.uid BoundObjectReference.uid Preconditions.uid StatusDetails.uid
v1.Protocol ContainerPort.protocol ServicePort.protocol EndpointPort.protocol PortStatus.protocol NetworkPolicyPort.protocol
v1.RestartPolicy PodSpec.restartPolicy
v1.DNSPolicy PodSpec.dnsPolicy
v1.PreemptionPolicy PodSpec.preemptionPolicy PriorityClass.preemptionPolicy
v1.OSName PodOS.name
v1.PullPolicy Container.imagePullPolicy EphemeralContainer.imagePullPolicy ImageVolumeSource.pullPolicy
v1.TerminationMessagePolicy Container.terminationMessagePolicy EphemeralContainer.terminationMessagePolicy
v1.ContainerRestartPolicy Container.restartPolicy EphemeralContainer.restartPolicy
v1.URIScheme HTTPGetAction.scheme
v1.MountPropagationMode VolumeMount.mountPropagation
v1.RecursiveReadOnlyMode VolumeMount.recursiveReadOnly VolumeMountStatus.recursiveReadOnly
v1.HostPathType HostPathVolumeSource.type
v1.StorageMedium EmptyDirVolumeSource.medium
v1.AzureDataDiskCachingMode AzureDiskVolumeSource.cachingMode
v1.AzureDataDiskKind AzureDiskVolumeSource.kind
v1.PersistentVolumeAccessMode PersistentVolumeSpec.accessModes PersistentVolumeClaimSpec.accessModes PersistentVolumeClaimStatus.accessModes
v1.PersistentVolumeReclaimPolicy PersistentVolumeSpec.persistentVolumeReclaimPolicy StorageClass.reclaimPolicy
v1.PersistentVolumeMode PersistentVolumeSpec.volumeMode PersistentVolumeClaimSpec.volumeMode
v1.PersistentVolumePhase PersistentVolumeStatus.phase
v1.PersistentVolumeClaimPhase PersistentVolumeClaimStatus.phase
v1.PersistentVolumeClaimConditionType PersistentVolumeClaimCondition.type
v1.PodPhase PodStatus.phase
v1.PodQOSClass PodStatus.qosClass
v1.PodConditionType PodCondition.type PodReadinessGate.conditionType PodFailurePolicyOnPodConditionsPattern.type
v1.ConditionStatus PodCondition.status NodeCondition.status NamespaceCondition.status ComponentCondition.status PersistentVolumeClaimCondition.status ReplicationControllerCondition.status DeploymentCondition.status DaemonSetCondition.status ReplicaSetCondition.status StatefulSetCondition.status JobCondition.status HorizontalPodAutoscalerCondition.status CertificateSigningRequestCondition.status PodFailurePolicyOnPodConditionsPattern.status Condition.status
v1.NamespacePhase NamespaceStatus.phase
v1.NamespaceConditionType NamespaceCondition.type
v1.FinalizerName NamespaceSpec.finalizers
v1.NodePhase NodeStatus.phase
v1.NodeConditionType NodeCondition.type
v1.NodeAddressType NodeAddress.type
v1.UniqueVolumeName NodeStatus.volumesInUse AttachedVolume.name
v1.ReplicationControllerConditionType ReplicationControllerCondition.type
v1.TaintEffect Taint.effect Toleration.effect
v1.TolerationOperator Toleration.operator
v1.NodeSelectorOperator NodeSelectorRequirement.operator
v1.LabelSelectorOperator LabelSelectorRequirement.operator
v1.UnsatisfiableConstraintAction TopologySpreadConstraint.whenUnsatisfiable
v1.NodeInclusionPolicy TopologySpreadConstraint.nodeAffinityPolicy TopologySpreadConstraint.nodeTaintsPolicy
v1.ProcMountType SecurityContext.procMount
v1.Capability Capabilities.add Capabilities.drop
v1.SeccompProfileType SeccompProfile.type
v1.AppArmorProfileType AppArmorProfile.type
v1.PodFSGroupChangePolicy PodSecurityContext.fsGroupChangePolicy
v1.SupplementalGroupsPolicy PodSecurityContext.supplementalGroupsPolicy
v1.PodSELinuxChangePolicy PodSecurityContext.seLinuxChangePolicy
v1.ServiceType ServiceSpec.type
v1.ServiceAffinity ServiceSpec.sessionAffinity
v1.ServiceExternalTrafficPolicy ServiceSpec.externalTrafficPolicy
v1.ServiceInternalTrafficPolicy ServiceSpec.internalTrafficPolicy
v1.IPFamily ServiceSpec.ipFamilies
v1.IPFamilyPolicy ServiceSpec.ipFamilyPolicy
v1.LoadBalancerIPMode LoadBalancerIngress.ipMode
v1.SecretType Secret.type
v1.ResourceName ContainerResizePolicy.resourceName ResourceHealth.resourceName ResourceMetricSource.name ContainerResourceMetricSource.name ResourceMetricStatus.name ContainerResourceMetricStatus.name
v1.ResourceResizeRestartPolicy ContainerResizePolicy.restartPolicy
v1.ResourceQuotaScope ResourceQuotaSpec.scopes ScopedResourceSelectorRequirement.scopeName
v1.ScopeSelectorOperator ScopedResourceSelectorRequirement.operator
v1.LimitType LimitRangeItem.type
v1.Signal Lifecycle.stopSignal ContainerStatus.stopSignal
v1.DeploymentStrategyType DeploymentStrategy.type
v1.DeploymentConditionType DeploymentCondition.type
v1.PodManagementPolicyType StatefulSetSpec.podManagementPolicy
v1.StatefulSetUpdateStrategyType StatefulSetUpdateStrategy.type
v1.PersistentVolumeClaimRetentionPolicyType StatefulSetPersistentVolumeClaimRetentionPolicy.whenDeleted StatefulSetPersistentVolumeClaimRetentionPolicy.whenScaled
v1.StatefulSetConditionType StatefulSetCondition.type
v1.DaemonSetUpdateStrategyType DaemonSetUpdateStrategy.type
v1.DaemonSetConditionType DaemonSetCondition.type
v1.ReplicaSetConditionType ReplicaSetCondition.type
v1.CompletionMode JobSpec.completionMode
v1.PodReplacementPolicy JobSpec.podReplacementPolicy
v1.PodFailurePolicyAction PodFailurePolicyRule.action
v1.PodFailurePolicyOnExitCodesOperator PodFailurePolicyOnExitCodesRequirement.operator
v1.JobConditionType JobCondition.type
v1.ConcurrencyPolicy CronJobSpec.concurrencyPolicy
v1.PathType HTTPIngressPath.pathType
v1.PolicyType NetworkPolicySpec.policyTypes
v1.UnhealthyPodEvictionPolicyType PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy
v2.MetricSourceType MetricSpec.type MetricStatus.type
v2.MetricTargetType MetricTarget.type
v2.ScalingPolicySelect HPAScalingRules.selectPolicy
v2.HPAScalingPolicyType HPAScalingPolicy.type
v2.HorizontalPodAutoscalerConditionType HorizontalPodAutoscalerCondition.type
v1.VolumeBindingMode StorageClass.volumeBindingMode
v1.FSGroupPolicy CSIDriverSpec.fsGroupPolicy
v1.VolumeLifecycleMode CSIDriverSpec.volumeLifecycleModes
v1.AddressType EndpointSlice.addressType
v1.FailurePolicyType MutatingWebhook.failurePolicy ValidatingWebhook.failurePolicy ValidatingAdmissionPolicySpec.failurePolicy MutatingAdmissionPolicySpec.failurePolicy
v1.MatchPolicyType MutatingWebhook.matchPolicy ValidatingWebhook.matchPolicy MatchResources.matchPolicy
v1.SideEffectClass MutatingWebhook.sideEffects ValidatingWebhook.sideEffects
v1.ReinvocationPolicyType MutatingWebhook.reinvocationPolicy MutatingAdmissionPolicySpec.reinvocationPolicy
v1.ScopeType RuleWithOperations.scope NamedRuleWithOperations.scope
v1.OperationType RuleWithOperations.operations NamedRuleWithOperations.operations
v1.ValidationAction ValidatingAdmissionPolicyBindingSpec.validationActions
v1.ParameterNotFoundActionType ParamRef.parameterNotFoundAction
v1.ResourceScope CustomResourceDefinitionSpec.scope
v1.ConversionStrategyType CustomResourceConversion.strategy
v1.KeyUsage CertificateSigningRequestSpec.usages
v1.RequestConditionType CertificateSigningRequestCondition.type
v1.PriorityLevelEnablement PriorityLevelConfigurationSpec.type
v1.LimitResponseType LimitResponse.type
v1.FlowDistinguisherMethodType FlowDistinguisherMethod.type
v1.CoordinatedLeaseStrategy LeaseSpec.strategy
v1.DeviceAllocationMode ExactDeviceRequest.allocationMode DeviceSubRequest.allocationMode
v1.ManagedFieldsOperationType ManagedFieldsEntry.operation
`;

/** Amounts by the names of resources. */
export const resourceList = "v1.ResourceList";

/** By "Struct.field". */
export const goStringTypeOf: ReadonlyMap<string, string> = new Map(
  text
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [type = "", ...fields] = line.split(" ");
      return fields.map((field) => [field, type] as const);
    }),
);
