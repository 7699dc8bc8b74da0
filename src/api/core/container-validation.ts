/** Containers of all three kinds. upstream: pkg/apis/core/validation/validation.go (validateContainers) */
import type { Container, ContainerPort, EphemeralContainer, Probe } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { portNameFaults, portNumberFaults } from "../meta/names.ts";
import { checkEnv, checkEnvFrom } from "./env-validation.ts";
import { checkMounts } from "./mount-validation.ts";
import { checkClaimUse } from "./pod-claim-validation.ts";
import { checkLifecycle, checkProbe, type ProbeKind } from "./probe-validation.ts";
import { checkResizePolicies, checkRestart } from "./restart-validation.ts";
import { checkContainerResources } from "./resource-validation.ts";
import { checkSecurityContext } from "./security-validation.ts";
import type { VolumesByName } from "./volume-validation.ts";

export const protocols = ["SCTP", "TCP", "UDP"];
const probeKinds: readonly ProbeKind[] = ["livenessProbe", "readinessProbe", "startupProbe"];

export interface ContainerContext {
  readonly volumes: VolumesByName;
  readonly graceSeconds: number | bigint;
  /** Of the pod's claims to devices. */
  readonly claimNames: ReadonlySet<string>;
  /** Of the pod. */
  readonly restartPolicy: string | undefined;
  readonly hostUsers: boolean | undefined;
  /** Those of the containers looked at before. */
  readonly names: Set<string>;
}

function checkPorts(ports: readonly Loose<ContainerPort>[] = [], path: string, faults: FaultList): void {
  const names = new Set<string>();
  for (const [index, { name = "", containerPort = 0, hostPort = 0, protocol }] of ports.entries()) {
    const at = `${path}[${index}]`;
    const messages = name === "" ? [] : portNameFaults(name);
    faults.messages(`${at}.name`, name, messages);
    if (messages.length === 0 && names.has(name)) faults.duplicate(`${at}.name`, name);
    if (name !== "") names.add(name);
    if (containerPort === 0) faults.required(`${at}.containerPort`);
    else faults.messages(`${at}.containerPort`, containerPort, portNumberFaults(containerPort));
    if (hostPort !== 0) faults.messages(`${at}.hostPort`, hostPort, portNumberFaults(hostPort));
    faults.oneOf(`${at}.protocol`, protocol, protocols);
  }
}

/** Of a pod's containers; templates may say more. upstream: validateContainerOnlyForPod */
export function checkImageSpaces(
  { image = "" }: Loose<Container | EphemeralContainer>,
  path: string,
  faults: FaultList,
): void {
  if (image !== image.trim()) {
    faults.invalid(`${path}.image`, image, "must not have leading or trailing whitespace");
  }
}

function checkCommon(
  container: Loose<Container | EphemeralContainer>,
  { volumes, claimNames, restartPolicy, hostUsers }: ContainerContext,
  path: string,
  faults: FaultList,
): void {
  const { name = "", image = "" } = container;
  if (name === "") faults.required(`${path}.name`);
  else checkDnsLabel(name, `${path}.name`, faults);
  if (image === "") faults.required(`${path}.image`);
  faults.oneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    "File",
    "FallbackToLogsOnError",
  ]);
  checkPorts(container.ports, `${path}.ports`, faults);
  checkEnv(container.env, `${path}.env`, faults);
  checkEnvFrom(container.envFrom, `${path}.envFrom`, faults);
  checkMounts(container, volumes, path, faults);
  faults.oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]);
  checkContainerResources(container.resources, `${path}.resources`, faults);
  checkClaimUse(container.resources?.claims, claimNames, `${path}.resources.claims`, faults);
  checkResizePolicies(container.resizePolicy, restartPolicy, `${path}.resizePolicy`, faults);
  checkSecurityContext(container.securityContext, hostUsers, `${path}.securityContext`, faults);
}

function checkName(name: string | undefined, names: Set<string>, path: string, faults: FaultList): void {
  const given = name ?? "";
  if (names.has(given)) faults.duplicate(`${path}.name`, given);
  names.add(given);
}

function checkHooks(
  container: Loose<Container>,
  graceSeconds: number | bigint,
  path: string,
  faults: FaultList,
): void {
  if (container.lifecycle !== undefined) {
    checkLifecycle(container.lifecycle, graceSeconds, `${path}.lifecycle`, faults);
  }
  for (const kind of probeKinds) {
    const probe: Loose<Probe> | undefined = container[kind];
    if (probe !== undefined) checkProbe(kind, probe, `${path}.${kind}`, faults);
  }
}

/** A port of the host that two containers of a pod ask for. upstream: checkHostPortConflicts */
function checkHostPorts(containers: readonly Loose<Container>[], path: string, faults: FaultList): void {
  const taken = new Set<string>();
  for (const [index, { ports }] of containers.entries()) {
    for (const [position, { protocol = "", hostIP = "", hostPort = 0 }] of (ports ?? []).entries()) {
      if (hostPort === 0) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) faults.duplicate(`${path}[${index}].ports[${position}].hostPort`, key);
      taken.add(key);
    }
  }
}

export function checkContainers(
  containers: readonly Loose<Container>[] = [],
  context: ContainerContext,
  path: string,
  faults: FaultList,
): void {
  if (containers.length === 0) faults.required(path);
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    checkCommon(container, context, at, faults);
    checkName(container.name, context.names, at, faults);
    checkHooks(container, context.graceSeconds, at, faults);
    checkRestart(container, false, at, faults);
  }
  checkHostPorts(containers, path, faults);
}

export function checkInitContainers(
  containers: readonly Loose<Container>[] = [],
  context: ContainerContext,
  path: string,
  faults: FaultList,
): void {
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    checkCommon(container, context, at, faults);
    checkRestart(container, true, at, faults);
    // Two without a name are told of that alone.
    if (container.name !== undefined || context.names.has("")) {
      checkName(container.name, context.names, at, faults);
    }
    // They run one after another: only their own ports can meet. upstream counts each as the first.
    checkHostPorts([container], path, faults);
    if (container.restartPolicy === "Always") {
      checkHooks(container, context.graceSeconds, at, faults);
      continue;
    }
    for (const field of ["lifecycle", ...probeKinds] as const) {
      if (container[field] !== undefined) {
        faults.forbidden(`${at}.${field}`, "may not be set for init containers without restartPolicy=Always");
      }
    }
  }
}

/** In the order of upstream's struct. */
const forbiddenForEphemeral = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  ...probeKinds,
  "lifecycle",
] as const;

/** Lists and resources may be empty; of a hook or a probe, that it is there is enough. */
const isSet = (field: (typeof forbiddenForEphemeral)[number], value: unknown): boolean =>
  value !== undefined &&
  ((field !== "resources" && !Array.isArray(value)) || Object.keys(value ?? {}).length > 0);

export function checkEphemeralContainers(
  containers: readonly Loose<EphemeralContainer>[] = [],
  context: ContainerContext,
  path: string,
  faults: FaultList,
): void {
  const others = new Set(context.names);
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    checkCommon(container, context, at, faults);
    checkImageSpaces(container, at, faults);
    checkName(container.name, context.names, at, faults);
    const target = container.targetContainerName;
    if (target !== undefined && target !== "" && !others.has(target)) {
      faults.notFound(`${at}.targetContainerName`, target);
    }
    for (const field of forbiddenForEphemeral) {
      if (isSet(field, container[field])) {
        faults.forbidden(`${at}.${field}`, "cannot be set for an Ephemeral Container");
      }
    }
    for (const [position, mount] of (container.volumeMounts ?? []).entries()) {
      for (const field of ["subPath", "subPathExpr"] as const) {
        if (mount[field] !== undefined && mount[field] !== "") {
          faults.forbidden(
            `${at}.volumeMounts[${position}].${field}`,
            "cannot be set for an Ephemeral Container",
          );
        }
      }
    }
  }
}
