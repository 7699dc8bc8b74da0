/** Security contexts of pods and containers. upstream: pkg/apis/core/validation/validation.go */
import type {
  AppArmorProfile,
  Container,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { Loose } from "../meta/loose.ts";
import { userIdFaults } from "../meta/names.ts";
import { checkDescendingPath } from "./path-rules.ts";
import { checkWindowsOptions } from "./windows-validation.ts";

interface Ids {
  readonly runAsUser?: number | bigint | undefined;
  readonly runAsGroup?: number | bigint | undefined;
  readonly fsGroup?: number | bigint | undefined;
}

function checkIds(ids: Ids, path: string, faults: FaultList): void {
  for (const field of ["fsGroup", "runAsUser", "runAsGroup"] as const) {
    const id = ids[field];
    if (id !== undefined) faults.messages(`${path}.${field}`, id, userIdFaults(id));
  }
}

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
/** A path's, in bytes. */
const profileLengthMax = 4095;

function checkType(type: string, field: string, path: string, faults: FaultList): void {
  if (type === "") faults.required(`${path}.type`, `type is required when ${field} is set`);
  else if (!profileTypes.includes(type)) faults.notSupported(`${path}.type`, type, profileTypes);
}

function checkSeccomp(profile: Loose<SeccompProfile> | undefined, path: string, faults: FaultList): void {
  if (profile === undefined) return;
  const { type = "", localhostProfile } = profile;
  const at = `${path}.localhostProfile`;
  checkType(type, "seccompProfile", path, faults);
  if (type !== "Localhost") {
    const shown = { Type: type, LocalhostProfile: localhostProfile };
    if (localhostProfile !== undefined) {
      faults.invalid(at, shown, "can only be set when seccomp type is Localhost");
    }
  } else if (localhostProfile === undefined) {
    faults.required(at, "must be set when seccomp type is Localhost");
  } else checkDescendingPath(localhostProfile, at, faults);
}

const appArmorNeeded = "must be set when AppArmor type is Localhost";

/** upstream: ValidateAppArmorProfileField */
export function checkAppArmor(
  profile: Loose<AppArmorProfile> | undefined,
  path: string,
  faults: FaultList,
): void {
  if (profile === undefined) return;
  const { type = "", localhostProfile: name } = profile;
  const at = `${path}.localhostProfile`;
  if (type !== "Localhost") {
    if (profileTypes.includes(type) && name !== undefined) {
      faults.invalid(at, name, "can only be set when AppArmor type is Localhost");
    }
    checkType(type, "appArmorProfile", path, faults);
    return;
  }
  if (name === undefined || name === "") {
    faults.required(at, appArmorNeeded);
    return;
  }
  if (name.trim() !== name) faults.invalid(at, name, "must not be padded with whitespace");
  if (Buffer.byteLength(name) > profileLengthMax) faults.tooLong(at, profileLengthMax);
}

const profileShape: GoShape = { Type: ["type", ""], LocalhostProfile: ["localhostProfile", null] };
const contextShape: GoShape = {
  Capabilities: ["capabilities", null, { Add: ["add", null], Drop: ["drop", null] }],
  Privileged: ["privileged", null],
  SELinuxOptions: [
    "seLinuxOptions",
    null,
    { User: ["user", ""], Role: ["role", ""], Type: ["type", ""], Level: ["level", ""] },
  ],
  WindowsOptions: [
    "windowsOptions",
    null,
    {
      GMSACredentialSpecName: ["gmsaCredentialSpecName", null],
      GMSACredentialSpec: ["gmsaCredentialSpec", null],
      RunAsUserName: ["runAsUserName", null],
      HostProcess: ["hostProcess", null],
    },
  ],
  RunAsUser: ["runAsUser", null],
  RunAsGroup: ["runAsGroup", null],
  RunAsNonRoot: ["runAsNonRoot", null],
  ReadOnlyRootFilesystem: ["readOnlyRootFilesystem", null],
  AllowPrivilegeEscalation: ["allowPrivilegeEscalation", null],
  ProcMount: ["procMount", null],
  SeccompProfile: ["seccompProfile", null, profileShape],
  AppArmorProfile: ["appArmorProfile", null, profileShape],
};

function checkEscalation(context: Loose<SecurityContext>, path: string, faults: FaultList): void {
  if (context.allowPrivilegeEscalation !== false) return;
  const shown = asGoStruct(context, contextShape);
  if (context.privileged === true) {
    faults.invalid(path, shown, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
  if (context.capabilities?.add?.includes("CAP_SYS_ADMIN") === true) {
    faults.invalid(
      path,
      shown,
      "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
    );
  }
}

/** `hostUsers`: the pod's. upstream: ValidateSecurityContext */
export function checkSecurityContext(
  context: Loose<SecurityContext> | undefined,
  hostUsers: boolean | undefined,
  path: string,
  faults: FaultList,
): void {
  if (context === undefined) return;
  checkIds(context, path, faults);
  faults.optionalOneOf(`${path}.procMount`, context.procMount, ["Default", "Unmasked"]);
  if (context.procMount === "Unmasked" && hostUsers !== false) {
    faults.invalid(`${path}.procMount`, "Unmasked", "`hostUsers` must be false to use `Unmasked`");
  }
  checkSeccomp(context.seccompProfile, `${path}.seccompProfile`, faults);
  checkEscalation(context, path, faults);
  checkWindowsOptions(context.windowsOptions, `${path}.windowsOptions`, faults);
  checkAppArmor(context.appArmorProfile, `${path}.appArmorProfile`, faults);
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9]([-_a-z0-9]*[a-z0-9])?)$/;
const sysctlRule =
  "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

const ipcSysctls = /^(?:kernel[./](?:shm|msg|sem$)|fs[./]mqueue[./])/;

/** A setting of a namespace that the pod shares with its node would be the node's. upstream: ValidateHostSysctl */
function hostSysctlFault(name: string, { hostNetwork, hostIPC }: Loose<PodSpec>): string | undefined {
  if (hostNetwork === true && /^net[./]/.test(name)) return "may not be specified when 'hostNetwork' is true";
  if (hostIPC === true && ipcSysctls.test(name)) return "may not be specified when 'hostIPC' is true";
  return undefined;
}

function checkSysctls(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  const sysctls = spec.securityContext?.sysctls ?? [];
  const names = new Set<string>();
  for (const [index, { name = "" }] of sysctls.entries()) {
    const at = `${path}[${index}].name`;
    if (name === "") faults.required(at);
    else if (name.length > 253 || !sysctlName.test(name)) faults.invalid(at, name, sysctlRule);
    else if (names.has(name)) faults.duplicate(at, name);
    const fault = hostSysctlFault(name, spec);
    if (fault !== undefined) {
      faults.ratcheting("hostSysctls", (found) => {
        found.invalid(at, name, fault);
      });
    }
    names.add(name);
  }
}

function checkHostPorts(
  containers: readonly Loose<Container>[] = [],
  isPod: boolean,
  path: string,
  faults: FaultList,
): void {
  for (const [index, { ports }] of containers.entries()) {
    for (const [position, { hostPort = 0, containerPort = 0 }] of (ports ?? []).entries()) {
      if ((isPod || hostPort !== 0) && hostPort !== containerPort) {
        faults.invalid(
          `${path}[${index}].ports[${position}].hostPort`,
          hostPort,
          "must match `containerPort` when `hostNetwork` is true",
        );
      }
    }
  }
}

/** upstream: validatePodHostNetworkDeps */
export function checkHostNetwork(
  spec: Loose<PodSpec>,
  isPod: boolean,
  path: string,
  faults: FaultList,
): void {
  if (spec.hostNetwork === true) {
    checkHostPorts(spec.containers, isPod, `${path}.containers`, faults);
  }
}

/** upstream: validatePodSpecSecurityContext */
export function checkPodSecurity(spec: Loose<PodSpec>, path: string, faults: FaultList): void {
  const context = spec.securityContext ?? {};
  const at = `${path}.securityContext`;
  checkIds(context, at, faults);
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    faults.messages(`${at}.supplementalGroups[${index}]`, group, userIdFaults(group));
  }
  if (spec.hostPID === true && spec.shareProcessNamespace === true) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled";
    faults.invalid(`${at}.shareProcessNamespace`, true, detail);
  }
  checkSysctls(spec, `${at}.sysctls`, faults);
  faults.optionalOneOf(`${at}.fsGroupChangePolicy`, context.fsGroupChangePolicy, [
    "Always",
    "OnRootMismatch",
  ]);
  checkSeccomp(context.seccompProfile, `${at}.seccompProfile`, faults);
  checkWindowsOptions(context.windowsOptions, `${at}.windowsOptions`, faults);
  checkAppArmor(context.appArmorProfile, `${at}.appArmorProfile`, faults);
  faults.optionalOneOf(`${at}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, [
    "Merge",
    "Strict",
  ]);
  faults.optionalOneOf(`${at}.seLinuxChangePolicy`, context.seLinuxChangePolicy, [
    "MountOption",
    "Recursive",
  ]);
}
