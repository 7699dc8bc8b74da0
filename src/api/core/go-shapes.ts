/**
 * The structs that pods and volumes are made of within upstream, for messages that show them: there each field has its Go
 * name and is shown, whatever it says. Their order isn't the one of the versioned API, nor are all names.
 * upstream: pkg/apis/core/types.go
 */
import type {
  ClusterTrustBundleProjection,
  EphemeralContainer,
  PersistentVolumeClaimSpec,
  PersistentVolumeSource,
  PodSpec,
  PodTemplateSpec,
} from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";

/**
 * A struct a line. What follows a field's name says what it is when nothing is said: "" by itself, 0 after #, false
 * after ?, null after * and ~, a quantity of 0 after %, a struct of zeros after =. The struct it holds stands behind that;
 * after ~ it is a selector, which is shown as the API has it. +Struct is one whose fields are its own. "Name:field" has
 * another name in the API than Go's, spelled as the API spells.
 */
const text = `
PodSpec Volumes*Volume InitContainers*Container Containers*Container EphemeralContainers*EphemeralContainer RestartPolicy TerminationGracePeriodSeconds* ActiveDeadlineSeconds* DNSPolicy NodeSelector* ServiceAccountName AutomountServiceAccountToken* NodeName SecurityContext=PodSecurityContext ImagePullSecrets*Local Hostname Subdomain SetHostnameAsFQDN* Affinity*Affinity SchedulerName Tolerations*Toleration HostAliases*HostAlias PriorityClassName Priority* PreemptionPolicy* DNSConfig*PodDNSConfig ReadinessGates*PodReadinessGate RuntimeClassName* Overhead* EnableServiceLinks* TopologySpreadConstraints*TopologySpreadConstraint OS*Named SchedulingGates*Named ResourceClaims*PodResourceClaim Resources*ResourceRequirements HostnameOverride* WorkloadRef*WorkloadReference
PodSecurityContext HostNetwork? HostPID? HostIPC? ShareProcessNamespace* HostUsers* SELinuxOptions*SELinuxOptions WindowsOptions*WindowsSecurityContextOptions RunAsUser* RunAsGroup* RunAsNonRoot* SupplementalGroups* SupplementalGroupsPolicy* FSGroup* FSGroupChangePolicy* Sysctls*NamedValue SeccompProfile*Profile AppArmorProfile*Profile SELinuxChangePolicy*
Named Name
NamedValue Name Value
Local Name
Toleration Key Operator Value Effect TolerationSeconds*
HostAlias IP Hostnames*
PodDNSConfig Nameservers* Searches* Options*PodDNSConfigOption
PodDNSConfigOption Name Value*
PodReadinessGate ConditionType
PodResourceClaim Name ResourceClaimName* ResourceClaimTemplateName*
WorkloadReference Name PodGroup PodGroupReplicaKey
TopologySpreadConstraint MaxSkew# TopologyKey WhenUnsatisfiable LabelSelector~ MinDomains* NodeAffinityPolicy* NodeTaintsPolicy* MatchLabelKeys*
Affinity NodeAffinity*NodeAffinity PodAffinity*PodAffinity PodAntiAffinity*PodAffinity
NodeAffinity RequiredDuringSchedulingIgnoredDuringExecution*NodeSelector PreferredDuringSchedulingIgnoredDuringExecution*PreferredSchedulingTerm
NodeSelector NodeSelectorTerms*NodeSelectorTerm
NodeSelectorTerm MatchExpressions*NodeSelectorRequirement MatchFields*NodeSelectorRequirement
NodeSelectorRequirement Key Operator Values*
PreferredSchedulingTerm Weight# Preference=NodeSelectorTerm
PodAffinity RequiredDuringSchedulingIgnoredDuringExecution*PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution*WeightedPodAffinityTerm
WeightedPodAffinityTerm Weight# PodAffinityTerm=PodAffinityTerm
PodAffinityTerm LabelSelector~ Namespaces* TopologyKey NamespaceSelector~ MatchLabelKeys* MismatchLabelKeys*
Container Name Image Command* Args* WorkingDir Ports*ContainerPort EnvFrom*EnvFromSource Env*EnvVar Resources=ResourceRequirements ResizePolicy*ContainerResizePolicy RestartPolicy* RestartPolicyRules*ContainerRestartRule VolumeMounts*VolumeMount VolumeDevices*VolumeDevice LivenessProbe*Probe ReadinessProbe*Probe StartupProbe*Probe Lifecycle*Lifecycle TerminationMessagePath TerminationMessagePolicy ImagePullPolicy SecurityContext*SecurityContext Stdin? StdinOnce? TTY?
EphemeralContainer +Container TargetContainerName
ContainerPort Name HostPort# ContainerPort# Protocol HostIP
EnvFromSource Prefix ConfigMapRef*EnvSource SecretRef*EnvSource
EnvSource +Local Optional*
EnvVar Name Value ValueFrom*EnvVarSource
EnvVarSource FieldRef*ObjectFieldSelector ResourceFieldRef*ResourceFieldSelector ConfigMapKeyRef*KeySelector SecretKeyRef*KeySelector FileKeyRef*FileKeySelector
ObjectFieldSelector APIVersion FieldPath
ResourceFieldSelector ContainerName Resource Divisor%
KeySelector +Local Key Optional*
FileKeySelector VolumeName Path Key Optional*
ResourceRequirements Limits* Requests* Claims*ResourceClaim
ResourceClaim Name Request
ContainerResizePolicy ResourceName RestartPolicy
ContainerRestartRule Action ExitCodes*ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes Operator Values*
VolumeMount Name ReadOnly? RecursiveReadOnly* MountPath SubPath MountPropagation* SubPathExpr
VolumeDevice Name DevicePath
Probe +ProbeHandler InitialDelaySeconds# TimeoutSeconds# PeriodSeconds# SuccessThreshold# FailureThreshold# TerminationGracePeriodSeconds*
ProbeHandler Exec*ExecAction HTTPGet*HTTPGetAction TCPSocket*TCPSocketAction GRPC*GRPCAction
ExecAction Command*
HTTPGetAction Path Port# Host Scheme HTTPHeaders*NamedValue
TCPSocketAction Port# Host
GRPCAction Port# Service*
Lifecycle PostStart*LifecycleHandler PreStop*LifecycleHandler StopSignal*
LifecycleHandler Exec*ExecAction HTTPGet*HTTPGetAction TCPSocket*TCPSocketAction Sleep*SleepAction
SleepAction Seconds#
SecurityContext Capabilities*Capabilities Privileged* SELinuxOptions*SELinuxOptions WindowsOptions*WindowsSecurityContextOptions RunAsUser* RunAsGroup* RunAsNonRoot* ReadOnlyRootFilesystem* AllowPrivilegeEscalation* ProcMount* SeccompProfile*Profile AppArmorProfile*Profile
Capabilities Add* Drop*
SELinuxOptions User Role Type Level
WindowsSecurityContextOptions GMSACredentialSpecName* GMSACredentialSpec* RunAsUserName* HostProcess*
Profile Type LocalhostProfile*
Volume Name +VolumeSource
VolumeSource HostPath*HostPath EmptyDir*EmptyDir GCEPersistentDisk*GCEPersistentDisk AWSElasticBlockStore*AWSElasticBlockStore GitRepo*GitRepo Secret*SecretVolume NFS*NFS ISCSI*ISCSI Glusterfs*Glusterfs PersistentVolumeClaim*ClaimVolume RBD*RBD Quobyte*Quobyte FlexVolume*FlexVolume Cinder*Cinder CephFS:cephfs*CephFS Flocker*Flocker DownwardAPI*DownwardAPIVolume FC*FC AzureFile*AzureFile ConfigMap*ConfigMapVolume VsphereVolume*VsphereVolume AzureDisk*AzureDisk PhotonPersistentDisk*PhotonPersistentDisk Projected*Projected PortworxVolume*PortworxVolume ScaleIO*ScaleIO StorageOS:storageos*StorageOS CSI*CSI Ephemeral*Ephemeral Image*ImageVolume
PersistentVolumeSource GCEPersistentDisk*GCEPersistentDisk AWSElasticBlockStore*AWSElasticBlockStore HostPath*HostPath Glusterfs*PersistentGlusterfs NFS*NFS RBD*PersistentRBD Quobyte*Quobyte ISCSI*PersistentISCSI FlexVolume*PersistentFlexVolume Cinder*PersistentCinder CephFS:cephfs*PersistentCephFS FC*FC Flocker*Flocker AzureFile*PersistentAzureFile VsphereVolume*VsphereVolume AzureDisk*AzureDisk PhotonPersistentDisk*PhotonPersistentDisk PortworxVolume*PortworxVolume ScaleIO*PersistentScaleIO Local*LocalVolume StorageOS:storageos*PersistentStorageOS CSI*PersistentCSI
HostPath Path Type*
EmptyDir Medium SizeLimit*
GCEPersistentDisk PDName FSType Partition# ReadOnly?
AWSElasticBlockStore VolumeID FSType Partition# ReadOnly?
GitRepo Repository Revision Directory
SecretVolume SecretName Items*KeyToPath DefaultMode* Optional*
KeyToPath Key Path Mode*
NFS Server Path ReadOnly?
ISCSI +ISCSITarget SecretRef*Local InitiatorName*
PersistentISCSI +ISCSITarget SecretRef*SecretReference InitiatorName*
ISCSITarget TargetPortal IQN Lun# ISCSIInterface FSType ReadOnly? Portals* DiscoveryCHAPAuth:chapAuthDiscovery? SessionCHAPAuth:chapAuthSession?
SecretReference Name Namespace
Glusterfs EndpointsName:endpoints Path ReadOnly?
PersistentGlusterfs +Glusterfs EndpointsNamespace*
ClaimVolume ClaimName ReadOnly?
RBD +RBDImage SecretRef*Local ReadOnly?
PersistentRBD +RBDImage SecretRef*SecretReference ReadOnly?
RBDImage CephMonitors:monitors* RBDImage:image FSType RBDPool:pool RadosUser:user Keyring
Quobyte Registry Volume ReadOnly? User Group Tenant
FlexVolume Driver FSType SecretRef*Local ReadOnly? Options*
PersistentFlexVolume Driver FSType SecretRef*SecretReference ReadOnly? Options*
Cinder VolumeID FSType ReadOnly? SecretRef*Local
PersistentCinder VolumeID FSType ReadOnly? SecretRef*SecretReference
CephFS Monitors* Path User SecretFile SecretRef*Local ReadOnly?
PersistentCephFS Monitors* Path User SecretFile SecretRef*SecretReference ReadOnly?
Flocker DatasetName DatasetUUID
DownwardAPIVolume Items*DownwardAPIVolumeFile DefaultMode*
DownwardAPIVolumeFile Path FieldRef*ObjectFieldSelector ResourceFieldRef*ResourceFieldSelector Mode*
FC TargetWWNs* Lun* FSType ReadOnly? WWIDs:wwids*
AzureFile SecretName ShareName ReadOnly?
PersistentAzureFile +AzureFile SecretNamespace*
ConfigMapVolume +Local Items*KeyToPath DefaultMode* Optional*
VsphereVolume VolumePath FSType StoragePolicyName StoragePolicyID
AzureDisk DiskName DataDiskURI:diskURI CachingMode* FSType* ReadOnly* Kind*
PhotonPersistentDisk PdID FSType
Projected Sources*VolumeProjection DefaultMode*
VolumeProjection Secret*ObjectProjection DownwardAPI*DownwardAPIProjection ConfigMap*ObjectProjection ServiceAccountToken*ServiceAccountTokenProjection ClusterTrustBundle*ClusterTrustBundleProjection PodCertificate*PodCertificateProjection
ObjectProjection +Local Items*KeyToPath Optional*
DownwardAPIProjection Items*DownwardAPIVolumeFile
ServiceAccountTokenProjection Audience ExpirationSeconds# Path
ClusterTrustBundleProjection Name* SignerName* LabelSelector~ Optional* Path
PodCertificateProjection SignerName KeyType MaxExpirationSeconds* CredentialBundlePath KeyPath CertificateChainPath UserAnnotations*
PortworxVolume VolumeID FSType ReadOnly?
ScaleIO Gateway System SecretRef*Local +ScaleIOVolume
PersistentScaleIO Gateway System SecretRef*SecretReference +ScaleIOVolume
ScaleIOVolume SSLEnabled? ProtectionDomain StoragePool StorageMode VolumeName FSType ReadOnly?
StorageOS +StorageOSVolume SecretRef*Local
PersistentStorageOS +StorageOSVolume SecretRef*ObjectReference
StorageOSVolume VolumeName VolumeNamespace FSType ReadOnly?
ObjectReference Kind Namespace Name UID APIVersion ResourceVersion FieldPath
LocalVolume Path FSType*
CSI Driver ReadOnly* FSType* VolumeAttributes* NodePublishSecretRef*Local
PersistentCSI Driver VolumeHandle ReadOnly? FSType VolumeAttributes* ControllerPublishSecretRef*SecretReference NodeStageSecretRef*SecretReference NodePublishSecretRef*SecretReference ControllerExpandSecretRef*SecretReference NodeExpandSecretRef*SecretReference
ImageVolume Reference PullPolicy
Ephemeral VolumeClaimTemplate*ClaimTemplate
ClaimTemplate metadata Spec=ClaimSpec
PodTemplateSpec metadata Spec=PodSpec
ClaimSpec AccessModes* Selector~ Resources=VolumeResourceRequirements VolumeName StorageClassName* VolumeMode* DataSource*TypedReference DataSourceRef*TypedObjectReference VolumeAttributesClassName*
VolumeResourceRequirements Limits* Requests*
TypedReference APIGroup* Kind Name
TypedObjectReference +TypedReference Namespace*
`;

type Fields = Readonly<Record<string, unknown>>;

/** "FSType" is fsType, "OS" os, "Name" name. */
const apiName = (name: string): string =>
  name.replace(/^(?:[A-Z]+$|[A-Z]+(?=[A-Z])|[A-Z])/, (start) => start.toLowerCase());

/** A map's keys are in order. */
const sortedMap = (map: object): object =>
  Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));

const inOrder = (value: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(
    names.flatMap((name) => {
      const field = value[name];
      if (field === undefined || field === null) return [];
      if (Array.isArray(field) && field.length === 0) return [];
      const isMap = typeof field === "object" && !Array.isArray(field);
      return [[name, isMap ? sortedMap(field) : field]];
    }),
  );

const selectorNames = ["matchLabels", "matchExpressions"];
/** Those that a template's metadata may have. */
const metadataNames = [
  "name",
  "generateName",
  "namespace",
  "labels",
  "annotations",
  "ownerReferences",
  "finalizers",
];

const zeros: Readonly<Record<string, unknown>> = {
  "": "",
  "#": 0,
  "?": false,
  "*": null,
  "~": null,
  "%": "0",
  "=": {},
};

/** The structs by name, each as the words of its line. */
function shapes(): ReadonlyMap<string, readonly string[]> {
  const lines = text.trim().split("\n");
  return new Map(
    lines.map((line) => {
      const [name = "", ...fields] = line.split(" ");
      return [name, fields];
    }),
  );
}

class GoShapes {
  readonly #shapes = shapes();

  struct(name: string, value: Fields): Fields {
    const shown: Record<string, unknown> = {};
    for (const word of this.#shapes.get(name) ?? []) {
      const [, embedded, own = "", given, sign = "", of = ""] =
        /^(\+)?(\w+)(?::(\w+))?([#?*~%=])?(\w*)$/.exec(word) ?? [];
      if (word === "metadata") {
        Object.assign(shown, inOrder((value["metadata"] ?? {}) as Fields, metadataNames));
      } else if (embedded !== undefined) Object.assign(shown, this.struct(own, value));
      else shown[own] = this.#field(sign + of, value[given ?? apiName(own)] ?? zeros[sign]);
    }
    return shown;
  }

  #field(type: string, value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#field(type, item));
    if (type === "~") return inOrder(value as Fields, selectorNames);
    const name = type.slice(1);
    return name === "" ? sortedMap(value) : this.struct(name, value as Fields);
  }
}

/** Upstream keeps what a pod shares with its host among its security settings, and an account has one name only. */
function inwardSpec(spec: Loose<PodSpec>): Fields {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } = spec;
  return {
    ...spec,
    serviceAccountName: spec.serviceAccountName ?? spec.serviceAccount,
    securityContext: {
      ...spec.securityContext,
      hostNetwork,
      hostPID,
      hostIPC,
      shareProcessNamespace,
      hostUsers,
    },
  };
}

export const podSpecAsGo = (spec: Loose<PodSpec>): Fields =>
  new GoShapes().struct("PodSpec", inwardSpec(spec));

export const podTemplateAsGo = (template: Loose<PodTemplateSpec>): Fields =>
  new GoShapes().struct("PodTemplateSpec", { ...template, spec: inwardSpec(template.spec ?? {}) });

export const ephemeralContainerAsGo = (container: Loose<EphemeralContainer>): Fields =>
  new GoShapes().struct("EphemeralContainer", container);

export const claimSpecAsGo = (spec: Loose<PersistentVolumeClaimSpec>): Fields =>
  new GoShapes().struct("ClaimSpec", spec);

export const trustBundleAsGo = (bundle: Loose<ClusterTrustBundleProjection>): Fields =>
  new GoShapes().struct("ClusterTrustBundleProjection", bundle);

export const volumeSourceAsGo = (source: Loose<PersistentVolumeSource>): Fields =>
  new GoShapes().struct("PersistentVolumeSource", source);
