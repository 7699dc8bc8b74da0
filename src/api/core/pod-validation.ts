/** Pods and pod templates. upstream: pkg/apis/core/validation/validation.go (ValidatePodSpec) */
import type {
  HostAlias,
  Pod,
  PodDNSConfig,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from "../generated/types/core-v1.ts";
import { legacyIpFaults } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, checkLabels } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import {
  dnsSubdomainFaults,
  dnsSubdomainWithUnderscoreFaults,
  qualifiedNameFaults,
  rangeMessage,
} from "../meta/names.ts";
import { checkAnnotations } from "../meta/object-meta-validation.ts";
import { checkAffinity, checkSpread, checkTolerations } from "./affinity-validation.ts";
import {
  checkContainers,
  checkEphemeralContainers,
  checkImageSpaces,
  checkInitContainers,
  type ContainerContext,
} from "./container-validation.ts";
import {
  checkAnnotationsMatchFields,
  checkPodAnnotations,
  containersWithPaths,
  mirrorAnnotation,
} from "./pod-annotation-validation.ts";
import { checkHostUsers, checkOs } from "./os-validation.ts";
import { checkPodClaims } from "./pod-claim-validation.ts";
import { checkPodResources } from "./pod-resource-validation.ts";
import { checkContainerResources } from "./resource-validation.ts";
import { checkHostNetwork, checkPodSecurity } from "./security-validation.ts";
import { checkVolumes } from "./volume-validation.ts";
import { checkHostProcess } from "./windows-validation.ts";

export const int32Max = 2 ** 31 - 1;
const nameserversMax = 3;
const searchesMax = 32;
const searchLengthMax = 2048;
const hostnameLengthMax = 64;

function checkDns(
  config: Loose<PodDNSConfig> | undefined,
  policy: string | undefined,
  path: string,
  faults: FaultList,
): void {
  if (policy === "None") {
    if (config === undefined) {
      faults.required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if ((config.nameservers ?? []).length === 0) {
      faults.required(
        `${path}.nameservers`,
        "must provide at least one DNS nameserver when `dnsPolicy` is None",
      );
      return;
    }
  }
  if (config !== undefined) checkDnsConfig(config, path, faults);
}

function checkDnsConfig(config: Loose<PodDNSConfig>, path: string, faults: FaultList): void {
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > nameserversMax) {
    const detail = `must not have more than ${nameserversMax} nameservers`;
    faults.invalid(`${path}.nameservers`, nameservers, detail);
  }
  for (const [index, server] of nameservers.entries()) {
    faults.messages(`${path}.nameservers[${index}]`, server, legacyIpFaults(server));
  }
  if (searches.length > searchesMax) {
    faults.invalid(`${path}.searches`, searches, `must not have more than ${searchesMax} search paths`);
  }
  if (searches.join(" ").length > searchLengthMax) {
    const detail = `must not have more than ${searchLengthMax} characters (including spaces) in the search list`;
    faults.invalid(`${path}.searches`, searches, detail);
  }
  for (const [index, search] of searches.entries()) {
    const name = search.replace(/\.$/, "");
    if (search !== ".") {
      faults.messages(`${path}.searches[${index}]`, name, dnsSubdomainWithUnderscoreFaults(name));
    }
  }
  for (const [index, { name }] of options.entries()) {
    if (name === undefined || name === "") faults.required(`${path}.options[${index}]`, "must not be empty");
  }
}

function checkHostAliases(aliases: readonly Loose<HostAlias>[] = [], path: string, faults: FaultList): void {
  for (const [index, { ip = "", hostnames = [] }] of aliases.entries()) {
    faults.messages(`${path}[${index}].ip`, ip, legacyIpFaults(ip));
    for (const [position, name] of hostnames.entries()) {
      faults.messages(`${path}[${index}].hostnames[${position}]`, name, dnsSubdomainFaults(name));
    }
  }
}

function checkGates(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  for (const [index, { conditionType = "" }] of (spec.readinessGates ?? []).entries()) {
    const at = `${path}.readinessGates[${index}].conditionType`;
    faults.messages(at, conditionType, qualifiedNameFaults(conditionType));
  }
  const seen = new Set<string>();
  for (const [index, { name = "" }] of (spec.schedulingGates ?? []).entries()) {
    const at = `${path}.schedulingGates[${index}]`;
    faults.messages(at, name, qualifiedNameFaults(name));
    if (seen.has(name)) faults.duplicate(at, name);
    seen.add(name);
  }
}

function checkClasses(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  const { priorityClassName: priority = "", runtimeClassName: runtimeClass } = spec;
  if (priority !== "") faults.messages(`${path}.priorityClassName`, priority, dnsSubdomainFaults(priority));
  if (runtimeClass !== undefined) {
    faults.messages(`${path}.runtimeClassName`, runtimeClass, dnsSubdomainFaults(runtimeClass));
  }
  faults.optionalOneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, ["PreemptLowerPriority", "Never"]);
}

/** Where and as whom the pod runs, and for how long. */
function checkPlace(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  for (const field of ["serviceAccountName", "nodeName"] as const) {
    const value = spec[field] ?? "";
    if (value !== "") faults.messages(`${path}.${field}`, value, dnsSubdomainFaults(value));
  }
  const seconds = spec.activeDeadlineSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > int32Max)) {
    faults.invalid(`${path}.activeDeadlineSeconds`, seconds, rangeMessage(1, int32Max));
  }
  for (const field of ["hostname", "subdomain"] as const) {
    const value = spec[field] ?? "";
    if (value !== "") checkDnsLabel(value, `${path}.${field}`, faults);
  }
}

/** upstream: validatePodHostName */
function checkHostnameOverride(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  const { hostnameOverride: name } = spec;
  if (name === undefined) return;
  for (const field of ["setHostnameAsFQDN", "hostNetwork"] as const) {
    if (spec[field] === true) faults.forbidden(path, `may not be specified when ${field} is true`);
  }
  if (Buffer.byteLength(name) > hostnameLengthMax) faults.tooLong(path, hostnameLengthMax);
  faults.messages(path, name, dnsSubdomainFaults(name));
}

/** Variables are read from files of the pod's own volumes alone. upstream: validateFileKeyRefVolumes */
function checkFileVolumes({ volumes = [], ...spec }: Loose<PodSpec>, path: string, faults: FaultList): void {
  let byName: ReadonlyMap<string | undefined, Loose<Volume>> | undefined;
  for (const [{ env = [] }, at] of containersWithPaths(spec, path)) {
    for (const [index, { valueFrom }] of env.entries()) {
      if (valueFrom?.fileKeyRef === undefined) continue;
      const { volumeName = "" } = valueFrom.fileKeyRef;
      const where = `${at}.env[${index}].valueFrom.fileKeyRef.volumeName`;
      // Hardly any pod has these. Of one name the first counts.
      byName ??= new Map(volumes.toReversed().map((volume) => [volume.name, volume]));
      const volume = byName.get(volumeName);
      if (volume === undefined) faults.notFound(where, volumeName);
      else if (volume.emptyDir === undefined) {
        faults.invalid(where, volumeName, "referenced volume must be of type emptyDir");
      }
    }
  }
}

/** A token needs an account; admission gives every pod one. */
function checkTokenSources(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  if ((spec.serviceAccountName ?? "") !== "") return;
  for (const [index, { projected }] of (spec.volumes ?? []).entries()) {
    for (const [position, { serviceAccountToken }] of (projected?.sources ?? []).entries()) {
      if (serviceAccountToken !== undefined) {
        faults.forbidden(
          `${path}.volumes[${index}].projected.sources[${position}].serviceAccountToken`,
          "must not be specified when serviceAccountName is not set",
        );
      }
    }
  }
}

/** upstream: the rest of validatePodMetadataAndSpec */
function checkOfPodAlone(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  checkTokenSources(spec, path, faults);
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      checkImageSpaces(container, `${path}.${list}[${index}]`, faults);
    }
  }
}

type Named = Pick<Loose<Pod>, "metadata">;

/** Of a pod whose spec is all that counts: claims that are made for it bear its name. */
export const hasNoNamedClaims = ({ spec }: Loose<Pod>): boolean =>
  spec?.volumes?.some(({ ephemeral }) => ephemeral !== undefined) !== true;

/** `pod`: whose spec it is; undefined of a template's. upstream: ValidatePodSpec, its parts in its order. */
export function checkPodSpec(
  spec: Loose<PodSpec>,
  pod: Named | undefined,
  path: string,
  faults: FaultList,
): void {
  const isPod = pod !== undefined;
  if (spec.terminationGracePeriodSeconds === undefined) {
    faults.required(`${path}.terminationGracePeriodSeconds`);
  }
  const context: ContainerContext = {
    volumes: checkVolumes(
      spec.volumes,
      { podName: pod === undefined ? undefined : (pod.metadata?.name ?? ""), path: `${path}.volumes` },
      faults,
    ),
    graceSeconds: spec.terminationGracePeriodSeconds ?? 0,
    claimNames: checkPodClaims(
      spec,
      pod?.metadata?.annotations?.[mirrorAnnotation] !== undefined,
      path,
      faults,
    ),
    restartPolicy: spec.restartPolicy,
    hostUsers: spec.hostUsers,
    names: new Set(),
  };
  checkContainers(spec.containers, context, `${path}.containers`, faults);
  checkInitContainers(spec.initContainers, context, `${path}.initContainers`, faults);
  checkEphemeralContainers(spec.ephemeralContainers, context, `${path}.ephemeralContainers`, faults);
  checkPodResources(spec, context.claimNames, `${path}.resources`, faults);
  checkHostNetwork(spec, isPod, path, faults);
  faults.oneOf(`${path}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"]);
  faults.oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, [
    "ClusterFirstWithHostNet",
    "ClusterFirst",
    "Default",
    "None",
  ]);
  checkLabels(spec.nodeSelector, `${path}.nodeSelector`, faults);
  checkPodSecurity(spec, path, faults);
  checkAffinity(spec.affinity, `${path}.affinity`, faults);
  checkDns(spec.dnsConfig, spec.dnsPolicy, `${path}.dnsConfig`, faults);
  checkGates(spec, path, faults);
  checkSpread(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`, faults);
  checkHostProcess(spec, path, faults);
  checkHostUsers(spec, path, faults);
  checkHostnameOverride(spec, `${path}.hostnameOverride`, faults);
  checkPlace(spec, path, faults);
  checkTolerations(spec.tolerations, `${path}.tolerations`, faults);
  checkHostAliases(spec.hostAliases, `${path}.hostAliases`, faults);
  checkClasses(spec, path, faults);
  if (spec.overhead !== undefined) {
    checkContainerResources({ limits: spec.overhead }, `${path}.overhead`, faults);
  }
  checkOs(spec, path, faults);
  checkFileVolumes(spec, path, faults);
  if (isPod) checkOfPodAlone(spec, path, faults);
}

/** upstream: ValidatePodCreate. Metadata is looked at elsewhere. */
export function checkPodCreate(pod: Loose<Pod>, faults: FaultList): void {
  const { metadata, spec } = pod;
  if (spec === undefined) {
    faults.required("spec.containers");
    return;
  }
  checkPodAnnotations(metadata?.annotations, spec, "metadata.annotations", faults);
  checkPodSpec(spec, pod, "spec", faults);
  if ((spec.ephemeralContainers ?? []).length > 0) {
    faults.forbidden("spec.ephemeralContainers", "cannot be set on create");
  }
  if ((spec.nodeName ?? "") !== "" && (spec.schedulingGates ?? []).length > 0) {
    faults.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
  }
  checkAnnotationsMatchFields(pod, "spec", faults);
}

export function checkPodTemplateMeta(
  template: Loose<PodTemplateSpec> | undefined,
  path: string,
  faults: FaultList,
): void {
  const annotations = template?.metadata?.annotations;
  checkLabels(template?.metadata?.labels, `${path}.labels`, faults);
  checkAnnotations(annotations, `${path}.annotations`, faults);
  checkPodAnnotations(annotations, template?.spec ?? {}, `${path}.annotations`, faults);
}

/** upstream: ValidatePodTemplateSpec */
export function checkPodTemplate(
  template: Loose<PodTemplateSpec> | undefined,
  path: string,
  faults: FaultList,
): void {
  checkPodTemplateMeta(template, path, faults);
  checkPodSpec(template?.spec ?? {}, undefined, `${path}.spec`, faults);
  checkAnnotationsMatchFields(template ?? {}, `${path}.spec`, faults);
  if ((template?.spec?.ephemeralContainers ?? []).length > 0) {
    faults.forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template");
  }
}
