/** What of a pod's status may change. upstream: pkg/apis/core/validation/validation.go (ValidatePodStatusUpdate) */
import { firstBy } from "#base/first-by.ts";
import type {
  Container,
  ContainerStatus,
  Pod,
  PodExtendedResourceClaimStatus,
  PodResourceClaimStatus,
  PodSpec,
  PodStatus,
  ResourceStatus,
} from "../generated/types/core-v1.ts";
import { addressFamilies, legacyIpFaults } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { checkDnsLabel, checkImmutable } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, qualifiedNameFaults, userIdFaults } from "../meta/names.ts";
import { checkPodAnnotationsUpdate } from "./pod-annotation-validation.ts";

type Spec = Loose<PodSpec>;
type Status = Loose<PodStatus>;
type Statuses = readonly Loose<ContainerStatus>[] | undefined;
type Containers = readonly Loose<Container>[] | undefined;

const nameOf = ({ name }: { readonly name?: string | undefined }): string | undefined => name;

/** By its own rules, its own policy or the pod's, in this order. upstream: ContainerShouldRestart */
function mayRestart(container: Loose<Container>, { restartPolicy }: Spec, exitCode: number): boolean {
  if (container.restartPolicy !== undefined) {
    const isRestarted = (container.restartPolicyRules ?? []).some(({ action, exitCodes }) => {
      const has = exitCodes?.values?.includes(exitCode) === true;
      const holds = exitCodes?.operator === "In" ? has : exitCodes?.operator === "NotIn" && !has;
      return action === "Restart" && holds;
    });
    if (isRestarted) return true;
  }
  const policy = container.restartPolicy ?? restartPolicy ?? "Always";
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** Whether a container that has ended may be seen otherwise; `mayRun` is asked with its name and exit code. */
function checkTransitions(
  statuses: Statuses = [],
  {
    old = [],
    mayRun,
  }: { readonly old: Statuses; mayRun: (name: string | undefined, exitCode: number) => boolean },
  path: string,
  faults: FaultList,
): void {
  const going = new Set(
    statuses.filter(({ state }) => state?.terminated === undefined).map(({ name }) => name),
  );
  for (const [index, { name, state }] of old.entries()) {
    if (state?.terminated === undefined) continue;
    if (going.has(name) && !mayRun(name, state.terminated.exitCode ?? 0)) {
      faults.forbidden(`${path}[${index}].state`, "may not be transitioned to non-terminated state");
    }
  }
}

function checkAllTransitions(
  status: Status,
  { spec = {}, status: old = {} }: Loose<Pod>,
  faults: FaultList,
): void {
  const among = (containers: Containers): ((name: string | undefined, exitCode: number) => boolean) => {
    const byName = firstBy(containers, nameOf);
    return (name, exitCode) => {
      const container = byName.get(name);
      return container !== undefined && mayRestart(container, spec, exitCode);
    };
  };
  const kinds = [
    ["containerStatuses", among(spec.containers)],
    ["initContainerStatuses", among(spec.initContainers)],
    ["ephemeralContainerStatuses", () => false],
  ] as const;
  for (const [list, mayRun] of kinds) {
    checkTransitions(status[list], { old: old[list], mayRun }, `status.${list}`, faults);
  }
}

const systemConditions = new Set(["PodScheduled", "Ready", "Initialized"]);
const negative = "must be a non-negative integer";

function checkConditions({ conditions = [] }: Status, faults: FaultList): void {
  for (const [index, { type = "", observedGeneration = 0 }] of conditions.entries()) {
    const path = `status.conditions[${index}]`;
    if (observedGeneration < 0) faults.invalid(`${path}.observedGeneration`, observedGeneration, negative);
    if (!systemConditions.has(type)) faults.messages(`${path}.Type`, type, qualifiedNameFaults(type));
  }
}

interface Addressed {
  readonly ip?: string | undefined;
}

const addressShape: GoShape = { IP: ["ip", ""] };

/** One that was there before may stay, whatever it is. */
function checkAddresses(
  list: readonly Addressed[] = [],
  old: readonly Addressed[] = [],
  path: string,
  faults: FaultList,
): void {
  const ips = list.map(({ ip = "" }) => ip);
  const known = new Set(old.map(({ ip }) => ip));
  for (const [index, ip] of ips.entries()) {
    if (!known.has(ip)) faults.messages(`${path}[${index}]`, ip, legacyIpFaults(ip));
  }
  if (ips.length < 2) return;
  const found = addressFamilies(ips);
  if (typeof found === "string") {
    faults.internal(path, `failed to check for dual stack with error:${found}`);
  }
  if (found === 2 && ips.length === 2) return;
  const shown = asGoStruct(list, addressShape);
  faults.invalid(path, shown, "may specify no more than one IP for each IP family");
}

function checkAllAddresses(status: Status, old: Status, faults: FaultList): void {
  checkAddresses(status.podIPs, old.podIPs, "status.podIPs", faults);
  const [first] = status.hostIPs ?? [];
  if (first !== undefined && first.ip !== status.hostIP) {
    faults.invalid("status.hostIPs[0].ip", first.ip ?? "", "must be equal to `hostIP`");
  }
  checkAddresses(status.hostIPs, old.hostIPs, "status.hostIPs", faults);
}

function checkClaims(
  statuses: readonly Loose<PodResourceClaimStatus>[] = [],
  { resourceClaims = [] }: Spec,
  faults: FaultList,
): void {
  const claims = new Set(resourceClaims.map(nameOf));
  const seen = new Set<string>();
  for (const [index, { name = "", resourceClaimName }] of statuses.entries()) {
    const path = `status.resourceClaimStatuses[${index}]`;
    if (!claims.has(name)) {
      faults.invalid(`${path}.name`, name, "must match the name of an entry in `spec.resourceClaims`");
    }
    if (seen.has(name)) faults.duplicate(`${path}.name`, name);
    seen.add(name);
    if (resourceClaimName !== undefined) {
      faults.messages(`${path}.name`, resourceClaimName, dnsSubdomainFaults(resourceClaimName));
    }
  }
}

type Mappings = Loose<PodExtendedResourceClaimStatus>["requestMappings"];

function checkMappings(mappings: Mappings = [], spec: Spec, path: string, faults: FaultList): void {
  const containers = firstBy([...(spec.initContainers ?? []), ...(spec.containers ?? [])], nameOf);
  const seen = new Set<string>();
  for (const [index, { containerName = "", resourceName = "", requestName = "" }] of mappings.entries()) {
    const at = `${path}.requestMappings[${index}]`;
    const container = containers.get(containerName);
    if (container === undefined) {
      const detail = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
      faults.invalid(`${at}.containerName`, containerName, detail);
    } else if (!Object.hasOwn(container.resources?.requests ?? {}, resourceName)) {
      const detail =
        "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";
      faults.invalid(`${at}.resourceName`, resourceName, detail);
    }
    checkDnsLabel(requestName, `${path}.requestName`, faults);
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      for (const [field, value] of Object.entries({ containerName, resourceName, requestName })) {
        faults.duplicate(`${at}.${field}`, value);
      }
    }
    seen.add(key);
  }
}

function checkExtendedClaim(status: Status, spec: Spec, faults: FaultList): void {
  const claim = status.extendedResourceClaimStatus;
  if (claim === undefined) return;
  const path = "status.extendedResourceClaimStatus";
  if ((claim.requestMappings ?? []).length === 0) {
    faults.required(`${path}.requestMappings`, "at least one request mapping is required");
  }
  checkMappings(claim.requestMappings, spec, path, faults);
  const name = claim.resourceClaimName ?? "";
  if (name === "") faults.required(`${path}.resourceClaimName`);
  else faults.messages(`${path}.resourceClaimName`, name, dnsSubdomainFaults(name));
}

function checkUsers(statuses: Statuses = [], isWindows: boolean, path: string, faults: FaultList): void {
  for (const [index, { user }] of statuses.entries()) {
    const at = `${path}[${index}].user.linux`;
    if (user?.linux === undefined) continue;
    if (isWindows) {
      faults.forbidden(at, "cannot be set for a windows pod");
      continue;
    }
    const { uid = 0, gid = 0, supplementalGroups = [] } = user.linux;
    faults.messages(`${at}.uid`, uid, userIdFaults(uid));
    faults.messages(`${at}.gid`, gid, userIdFaults(gid));
    for (const [position, group] of supplementalGroups.entries()) {
      faults.messages(`${at}.supplementalGroups[${position}]`, group, userIdFaults(group));
    }
  }
}

const claimNames = (container: Loose<Container> | undefined): string[] =>
  (container?.resources?.claims ?? []).map(({ name: claim = "", request = "" }) =>
    request === "" ? `claim:${claim}` : `claim:${claim}/${request}`,
  );

function checkAllocatedName(
  name: string,
  { container, claims }: { readonly container: Loose<Container>; readonly claims: ReadonlySet<string> },
  path: string,
  faults: FaultList,
): void {
  if (!name.startsWith("claim:")) {
    if (!Object.hasOwn(container.resources?.requests ?? {}, name)) {
      faults.invalid(path, name, "must match one of the container's resource requests");
    }
    return;
  }
  if (!claims.has(name)) {
    faults.invalid(
      path,
      name,
      "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty",
    );
  }
}

function checkAllocated(allocated: Loose<ResourceStatus>, path: string, faults: FaultList): void {
  const seen = new Set<string>();
  for (const [index, { resourceID = "", health = "" }] of (allocated.resources ?? []).entries()) {
    const at = `${path}.resources[${index}]`;
    if (!["Healthy", "Unhealthy", "Unknown"].includes(health)) {
      faults.notSupported(`${at}.health`, health, ["Healthy", "Unhealthy", "Unknown"]);
    }
    if (seen.has(resourceID)) faults.duplicate(`${at}.resourceID`, resourceID);
    seen.add(resourceID);
  }
}

/** Of a container that the spec doesn't have, only the devices are looked at. */
function checkAllocations(
  statuses: Statuses = [],
  containers: Containers,
  path: string,
  faults: FaultList,
): void {
  const byName = firstBy(containers, nameOf);
  const claimsByName = new Map<string | undefined, ReadonlySet<string>>();
  for (const [index, { name, allocatedResourcesStatus = [] }] of statuses.entries()) {
    if (allocatedResourcesStatus.length === 0) continue;
    const container = byName.get(name);
    const claims = claimsByName.get(name) ?? new Set(claimNames(container));
    claimsByName.set(name, claims);
    for (const [position, allocated] of allocatedResourcesStatus.entries()) {
      const at = `${path}[${index}].allocatedResourcesStatus[${position}]`;
      if (container !== undefined) {
        checkAllocatedName(allocated.name ?? "", { container, claims }, `${at}.name`, faults);
      }
      checkAllocated(allocated, at, faults);
    }
  }
}

function checkContainerStatuses(status: Status, spec: Spec, faults: FaultList): void {
  const isWindows = spec.os?.name === "windows";
  for (const list of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const) {
    checkUsers(status[list], isWindows, `status.${list}`, faults);
  }
  checkAllocations(status.containerStatuses, spec.containers, "status.containerStatuses", faults);
  checkAllocations(status.initContainerStatuses, spec.initContainers, "status.initContainerStatuses", faults);
  for (const [index, one] of (status.ephemeralContainerStatuses ?? []).entries()) {
    if ((one.allocatedResourcesStatus ?? []).length === 0) continue;
    faults.forbidden(
      `status.ephemeralContainerStatuses[${index}].allocatedResourcesStatus`,
      "must not be specified in container status",
    );
  }
}

function checkNomination(status: Status, { spec, status: old }: Loose<Pod>, faults: FaultList): void {
  const path = "status.nominatedNodeName";
  const { nominatedNodeName: name = "" } = status;
  if (name === "" || name === old?.nominatedNodeName) return;
  faults.messages(path, name, dnsSubdomainFaults(name));
  if ((spec?.nodeName ?? "") !== "") {
    faults.forbidden(path, "may not be set on pods that are already bound to a node");
  }
}

export function checkPodStatusUpdate(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const { spec = {}, status = {} } = pod;
  const old = oldPod.status ?? {};
  checkPodAnnotationsUpdate(pod, oldPod, faults);
  checkConditions(status, faults);
  if ((spec.nodeName ?? "") !== (oldPod.spec?.nodeName ?? "")) {
    faults.forbidden("status.nodeName", "may not be changed directly");
  }
  checkNomination(status, oldPod, faults);
  const observed = status.observedGeneration ?? 0;
  if (observed < 0) faults.invalid("status.observedGeneration", observed, negative);
  checkImmutable(status.qosClass ?? "", old.qosClass ?? "", "status.qosClass", faults);
  checkAllTransitions(status, oldPod, faults);
  checkClaims(status.resourceClaimStatuses, spec, faults);
  checkExtendedClaim(status, spec, faults);
  checkAllAddresses(status, old, faults);
  checkContainerStatuses(status, spec, faults);
}
