/** What pods of one operating system can't have. upstream: pkg/apis/core/validation/validation.go (validateWindows, validateLinux) */
import type { Container, EphemeralContainer, PodSpec } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";

const notOnWindows = "cannot be set for a windows pod";
const notOnLinux = "windows options cannot be set for a linux pod";

/** In upstream's order; those of the spec itself are upstream's context's too. */
const podFields = [
  "securityContext.appArmorProfile",
  "securityContext.seLinuxOptions",
  "hostUsers",
  "hostPID",
  "hostIPC",
  "securityContext.seccompProfile",
  "securityContext.fsGroup",
  "securityContext.fsGroupChangePolicy",
  "securityContext.sysctls",
  "shareProcessNamespace",
  "securityContext.runAsUser",
  "securityContext.runAsGroup",
  "securityContext.supplementalGroups",
  "securityContext.supplementalGroupsPolicy",
  "securityContext.seLinuxChangePolicy",
] as const;

const containerFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

/** Of the namespaces of the host, and of sysctls, none is as good as not a word. */
function isSetOnPod(spec: Loose<PodSpec>, field: (typeof podFields)[number]): boolean {
  if (field === "hostPID" || field === "hostIPC") return spec[field] === true;
  if (field === "securityContext.sysctls") return (spec.securityContext?.sysctls ?? []).length > 0;
  const value = field
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], spec);
  return value !== undefined;
}

type AnyContainer = Loose<Container | EphemeralContainer>;

function eachContainer(
  spec: Loose<PodSpec>,
  path: string,
  visit: (container: AnyContainer, path: string) => void,
): void {
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    const containers: readonly AnyContainer[] = spec[list] ?? [];
    for (const [index, container] of containers.entries()) visit(container, `${path}.${list}[${index}]`);
  }
}

function checkWindows(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  for (const field of podFields) {
    if (isSetOnPod(spec, field)) faults.forbidden(`${path}.${field}`, notOnWindows);
  }
  eachContainer(spec, path, ({ securityContext = {} }, at) => {
    for (const field of containerFields) {
      if (securityContext[field] === undefined) continue;
      faults.forbidden(`${at}.securityContext.${field}`, notOnWindows);
    }
  });
}

function checkLinux(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  if (spec.securityContext?.windowsOptions !== undefined) {
    faults.forbidden(`${path}.securityContext.windowsOptions`, notOnLinux);
  }
  eachContainer(spec, path, ({ securityContext }, at) => {
    if (securityContext?.windowsOptions !== undefined) {
      faults.forbidden(`${at}.securityContext.windowsOptions`, notOnLinux);
    }
  });
}

export function checkOs(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  if (spec.os === undefined) return;
  const name = spec.os.name ?? "";
  if (name === "") faults.required(`${path}.os.name`, "cannot be empty");
  else faults.oneOf(`${path}.os`, name, ["linux", "windows"]);
  if (name === "windows") checkWindows(spec, path, faults);
  if (name === "linux") checkLinux(spec, path, faults);
}

/** A user namespace of its own isn't to be left by other doors. */
export function checkHostUsers(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  if (spec.hostUsers !== false) return;
  const detail = "when `hostUsers` is false";
  if (spec.hostNetwork === true) faults.forbidden(`${path}.hostNetwork`, detail);
  if (spec.hostPID === true) faults.forbidden(`${path}.HostPID`, detail);
  if (spec.hostIPC === true) faults.forbidden(`${path}.HostIPC`, detail);
  eachContainer(spec, path, ({ volumeDevices = [] }, at) => {
    if (volumeDevices.length === 0) return;
    faults.ratcheting("devicesOfOwnUsers", (found) => {
      found.forbidden(`${at}.volumeDevices`, detail);
    });
  });
}
