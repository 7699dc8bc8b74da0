/**
 * The feature gates of kube-apiserver 1.35 and their state there. upstream: pkg/features/kube_features.go,
 * apiserver/pkg/features, client-go/features; test/compatibility_lifecycle/reference/feature_list.md has them by version
 */

export type GateStage = "ALPHA" | "BETA" | "GA" | "DEPRECATED";

export interface Gate {
  readonly stage: GateStage;
  readonly default: boolean;
  /** It can't be anything else. */
  readonly isLocked: boolean;
}

interface Listed extends Gate {
  readonly names: string;
}

const lists: readonly Listed[] = [
  {
    stage: "ALPHA",
    default: false,
    isLocked: false,
    names: `APIServingWithRoutine AllowUnsafeMalformedObjectDeletion CBORServingAndStorage CPUManagerPolicyAlphaOptions
      CSIVolumeHealth ClientsAllowCBOR ClientsPreferCBOR CloudControllerManagerWatchBasedRoutesReconciliation
      CloudControllerManagerWebhook ComponentFlagz ComponentStatusz ConstrainedImpersonation ContainerStopSignals
      CrossNamespaceVolumeDataSource CustomCPUCFSQuotaPeriod DRAConsumableCapacity DRADeviceBindingConditions
      DRADeviceTaintRules DRADeviceTaints DRAExtendedResource DRAPartitionableDevices EventedPLEG GangScheduling
      GenericWorkload HPAScaleToZero ImageVolumeWithDigest InPlacePodLevelResourcesVerticalScaling
      InPlacePodVerticalScalingExclusiveCPUs InPlacePodVerticalScalingExclusiveMemory KubeletInUserNamespace
      LoggingAlphaOptions MemoryQoS MutablePVNodeAffinity MutablePodResourcesForSuspendedJobs
      MutableSchedulingDirectivesForSuspendedJobs NodeDeclaredFeatures PodAndContainerStatsFromCRI
      PodLogsQuerySplitStreams QOSReserved ReduceDefaultCrashLoopBackOffDecay RelaxedServiceNameValidation
      ResourceHealthStatus RestartAllContainersOnContainerExits RuntimeClassInImageCriApi StorageCapacityScoring
      StorageVersionAPI StrictIPCIDRValidation TaintTolerationComparisonOperators TopologyManagerPolicyAlphaOptions
      UnknownVersionInteroperabilityProxy UserNamespacesHostNetworkSupport VolumeLimitScaling
      WindowsCPUAndMemoryAffinity`,
  },
  {
    stage: "BETA",
    default: false,
    isLocked: false,
    names: `CRDObservedGenerationTracking ClusterTrustBundle ClusterTrustBundleProjection ConcurrentWatchObjectDecode
      CoordinatedLeaderElection DeclarativeValidationTakeover LocalStorageCapacityIsolationFSQuotaMonitoring
      MutatingAdmissionPolicy NodeLogQuery PodCertificateRequest SELinuxMount SchedulerAsyncAPICalls
      StorageVersionMigrator WatchCacheInitializationPostStartHook`,
  },
  {
    stage: "BETA",
    default: true,
    isLocked: false,
    names: `APIResponseCompression APIServerIdentity AllowParsingUserUIDFromCertAuth
      AuthorizePodWebsocketUpgradeCreatePermission CPUManagerPolicyBetaOptions CSIServiceAccountTokenSecrets
      ClearingNominatedNodeNameAfterBinding ContainerCheckpoint ContainerRestartRules ContextualLogging DRAAdminAccess
      DRAPrioritizedList DRAResourceClaimDeviceStatus DRASchedulerFilterTimeout DeclarativeValidation
      DeploymentReplicaSetTerminatingReplicas DetectCacheInconsistency DisableCPUQuotaWithExclusiveCPUs EnvFiles
      ExternalServiceAccountTokenSigner GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority
      HPAConfigurableTolerance HostnameOverride ImageVolume InOrderInformers InOrderInformersBatchProcess
      KubeletCrashLoopBackOffMax KubeletEnsureSecretPulledImages KubeletFineGrainedAuthz KubeletPSI
      KubeletPodResourcesDynamicResources KubeletPodResourcesGet KubeletSeparateDiskGC
      KubeletServiceAccountTokenForCredentialProviders ListFromCacheSnapshot LoggingBetaOptions
      MatchLabelKeysInPodTopologySpread MatchLabelKeysInPodTopologySpreadSelectorMerge MaxUnavailableStatefulSet
      MutableCSINodeAllocatableCount NominatedNodeNameForExpectation OpenAPIEnums OpportunisticBatching PodDeletionCost
      PodLevelResources PodReadyToStartContainersCondition PodTopologyLabelsAdmission PortForwardWebsockets
      PreventStaticPodAPIReferences ProcMountType ReloadKubeletServerCertificateFile RemoteRequestHeaderUID
      RotateKubeletServerCertificate SELinuxChangePolicy SELinuxMountReadWriteOncePod SchedulerAsyncPreemption
      SchedulerPopFromBackoffQ ServiceAccountNodeAudienceRestriction SizeBasedListCostEstimate
      StatefulSetSemanticRevisionComparison StorageVersionHash StructuredAuthenticationConfigurationEgressSelector
      StructuredAuthenticationConfigurationJWKSMetrics TokenRequestServiceAccountUIDValidation
      TopologyManagerPolicyBetaOptions TranslateStreamCloseWebsocketRequests UnauthenticatedHTTP2DOSMitigation
      UserNamespacesSupport WatchList WatchListClient WindowsGracefulNodeShutdown`,
  },
  {
    stage: "GA",
    default: true,
    isLocked: false,
    names: "InformerResourceVersion VolumeAttributesClass",
  },
  {
    stage: "GA",
    default: true,
    isLocked: true,
    names: `APIServerTracing AnonymousAuthConfigurableEndpoints AnyVolumeDataSource AuthorizeNodeWithSelectors
      AuthorizeWithSelectors BtreeWatchCache CPUManagerPolicyOptions CRDValidationRatcheting ConsistentListFromCache
      CustomResourceFieldSelectors DisableAllocatorDualWrite DynamicResourceAllocation ExecProbeTimeout
      HonorPVReclaimPolicy ImageMaximumGCAge InPlacePodVerticalScaling JobBackoffLimitPerIndex JobManagedBy
      JobPodReplacementPolicy JobSuccessPolicy KubeletCgroupDriverFromCRI KubeletTracing LogarithmicScaleDown
      MatchLabelKeysInPodAffinity MultiCIDRServiceAllocator NFTablesProxyMode NodeInclusionPolicyInPodTopologySpread
      NodeSwap OrderedNamespaceDeletion PodLifecycleSleepAction PodLifecycleSleepActionAllowZero
      PodObservedGenerationTracking PodSchedulingReadiness PreferSameTrafficDistribution RecoverVolumeExpansionFailure
      RecursiveReadOnlyMounts RelaxedDNSSearchValidation RelaxedEnvironmentVariableValidation
      ResilientWatchCacheInitialization RetryGenerateName SchedulerQueueingHints SeparateTaintEvictionController
      ServiceAccountTokenJTI ServiceAccountTokenNodeBinding ServiceAccountTokenNodeBindingValidation
      ServiceAccountTokenPodNodeInfo SidecarContainers StreamingCollectionEncodingToJSON
      StreamingCollectionEncodingToProtobuf StructuredAuthenticationConfiguration SupplementalGroupsPolicy
      SystemdWatchdog TopologyManagerPolicyOptions WinDSR WinOverlay`,
  },
  {
    stage: "DEPRECATED",
    default: true,
    isLocked: true,
    names: "AggregatedDiscoveryRemoveBetaType",
  },
  {
    stage: "DEPRECATED",
    default: false,
    isLocked: true,
    names: "AllowOverwriteTerminationGracePeriodSeconds",
  },
  {
    stage: "DEPRECATED",
    default: true,
    isLocked: false,
    names: "DisableNodeKubeProxyVersion KubeletPodResourcesListUseActivePods StorageNamespaceIndex",
  },
  {
    stage: "DEPRECATED",
    default: false,
    isLocked: false,
    names: `AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests ChangeContainerStatusOnKubeletRestart
      GitRepoVolumeDriver InPlacePodVerticalScalingAllocatedStatus KMSv1 KubeletRegistrationGetOnExistsOnly
      SeparateCacheWatchRPC WindowsHostNetwork`,
  },
];

/** By name, in their order. "AllAlpha" and "AllBeta" stand for all of a stage. */
export const gates: ReadonlyMap<string, Gate> = new Map(
  [
    ...lists.flatMap(({ names, ...gate }) => names.split(/\s+/).map((name): [string, Gate] => [name, gate])),
    ["AllAlpha", { stage: "ALPHA", default: false, isLocked: false }] satisfies [string, Gate],
    ["AllBeta", { stage: "BETA", default: false, isLocked: false }] satisfies [string, Gate],
  ].toSorted(([a], [b]) => (a < b ? -1 : 1)),
);
