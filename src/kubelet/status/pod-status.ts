/** The whole status of a pod. upstream: pkg/kubelet/kubelet_pods.go generateAPIPodStatus, pkg/kubelet/status/status_manager.go TerminatePod */
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "#api/generated/types/core-v1.ts";
import { toRfc3339 } from "#base/clock.ts";
import { readySandbox, type PodRuntime } from "../pleg/pod-runtime.ts";
import {
  allContainers,
  ephemeralContainers,
  initContainers,
  isSidecar,
  mainContainers,
  usesHostNetwork,
} from "../pods/pod.ts";
import { qosClassOf } from "../pods/qos.ts";
import { podConditions, withTimes, type ConditionsInput } from "./conditions.ts";
import { containerStatuses, type WaitingReason } from "./container-status.ts";
import { phaseOf, type PodPhase } from "./phase.ts";

export interface PodStatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  /** What was reported last: the worker's own, or the API's after a restart. */
  readonly old: PodStatus;
  readonly reasons: ReadonlyMap<string, WaitingReason>;
  readonly messages: ReadonlyMap<string, string>;
  readonly runtimeName: string;
  readonly hostIPs: readonly string[];
  readonly nowMs: number;
  readonly isTerminating: boolean;
  /** Set when the kubelet gives the pod up: deadline, rejection, eviction. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
  readonly probes: StatusProbes;
}

export interface StatusProbes {
  hasStarted(containerName: string, containerId: string): boolean;
  isReady(containerName: string, containerId: string): boolean;
}

export function podStatus(input: PodStatusInput): PodStatus {
  const { pod, old } = input;
  const initStatuses = statusesOf(input, true);
  const statuses = statusesOf(input, false);
  const ephemeralStatuses = ephemeralStatusesOf(input);
  const phase = decidePhase(input, initStatuses, statuses);
  const hasSandbox = readySandbox(input.runtime) !== undefined;
  const status: PodStatus = {
    ...observed(pod),
    phase,
    conditions: timed(input, { pod, phase, initStatuses, statuses, hasSandbox }),
    ...addresses(input),
    startTime: startTimeOf(input),
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeralStatuses.length === 0 ? {} : { ephemeralContainerStatuses: ephemeralStatuses }),
    qosClass: qosClassOf(pod),
  };
  const { reason, message } = input.failure ?? keptReason(old, phase);
  if (reason !== undefined) status.reason = reason;
  if (message !== undefined) status.message = message;
  return status;
}

const observed = (pod: Pod): Pick<PodStatus, "observedGeneration"> =>
  pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };

const startTimeOf = ({ pod, old, nowMs }: PodStatusInput): string =>
  old.startTime ?? pod.status?.startTime ?? toRfc3339(nowMs);

function timed({ pod, old, nowMs }: PodStatusInput, conditions: ConditionsInput): PodCondition[] {
  const before = old.conditions ?? pod.status?.conditions ?? [];
  return withTimes(podConditions(conditions), before, toRfc3339(nowMs), pod.metadata?.generation);
}

/** A pod that was given up stays so, with its reason. */
const keptReason = (old: PodStatus, phase: PodPhase): Pick<PodStatus, "reason" | "message"> =>
  phase === "Failed" && old.phase === "Failed" ? old : {};

function decidePhase(
  input: PodStatusInput,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
): PodPhase {
  if (input.failure !== undefined) return "Failed";
  if (input.old.phase === "Succeeded" || input.old.phase === "Failed") return input.old.phase;
  return phaseOf({
    pod: input.pod,
    initStatuses,
    statuses,
    isTerminating: input.isTerminating,
    hasInitialized: statuses.some((status) => status.state?.running !== undefined || hasEnded(status)),
  });
}

function statusesOf(input: PodStatusInput, isInit: boolean): ContainerStatus[] {
  const containers = isInit ? initContainers(input.pod) : mainContainers(input.pod);
  const old = (isInit ? input.old.initContainerStatuses : input.old.containerStatuses) ?? [];
  const statuses = containerStatuses({ ...input, old }, containers, isInit);
  for (const status of statuses) {
    const id = status.containerID?.slice(status.containerID.indexOf("://") + 3) ?? "";
    const isRunning = status.state?.running !== undefined;
    const container = containers.find(({ name }) => name === status.name);
    status.started = isRunning && input.probes.hasStarted(status.name, id);
    status.ready =
      isInit && container !== undefined && !isSidecar(container)
        ? status.state?.terminated?.exitCode === 0
        : status.started && input.probes.isReady(status.name, id);
  }
  return statuses;
}

/** Nobody probes them: they are neither ready nor counted. */
function ephemeralStatusesOf(input: PodStatusInput): ContainerStatus[] {
  const old = input.old.ephemeralContainerStatuses ?? [];
  return containerStatuses({ ...input, old }, ephemeralContainers(input.pod), false);
}

function addresses({ pod, runtime, old, hostIPs }: PodStatusInput): Partial<PodStatus> {
  const [hostIP] = hostIPs;
  const sandbox = readySandbox(runtime);
  const podIP = usesHostNetwork(pod)
    ? sandbox === undefined
      ? old.podIP
      : hostIP
    : sandbox === undefined || sandbox.ip === ""
      ? old.podIP
      : sandbox.ip;
  return {
    ...(hostIP === undefined ? {} : { hostIP, hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(podIP === undefined || podIP === "" ? {} : { podIP, podIPs: [{ ip: podIP }] }),
  };
}

/** What is said of a container that nobody can ask any more. */
const lost = {
  terminated: {
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was terminated",
  },
};

/** The last word on a pod whose containers are gone: every container has ended, and so has the pod. */
export function finalPodStatus(input: PodStatusInput): PodStatus {
  const { pod } = input;
  const status = podStatus({ ...input, isTerminating: true });
  const { containerStatuses: statuses = [], initContainerStatuses: initStatuses = [] } = status;
  const hasStarted = statuses.some(hasEnded);
  for (const one of statuses) endFor(one, true);
  // An init container whose turn never came stays waiting.
  for (const one of initStatuses) endFor(one, hasStarted || one.state?.running !== undefined);
  for (const one of [...statuses, ...initStatuses]) {
    const role = allContainers(pod).find(({ container }) => container.name === one.name)?.role;
    one.started = false;
    one.ready = role === "init" && one.state?.terminated?.exitCode === 0;
  }
  const phase = status.phase === "Succeeded" ? "Succeeded" : "Failed";
  status.phase = phase;
  status.conditions = timed(input, { pod, phase, initStatuses, statuses, hasSandbox: false });
  return status;
}

const hasEnded = ({ state, lastState }: ContainerStatus): boolean =>
  state?.terminated !== undefined || lastState?.terminated !== undefined;

function endFor(mutable: ContainerStatus, isLost: boolean): void {
  if (mutable.state?.terminated === undefined && isLost) mutable.state = structuredClone(lost);
}

/** A pod that never ran here. */
export function rejectedPodStatus(
  pod: Pod,
  { reason, message }: { readonly reason: string; readonly message: string },
  nowMs: number,
): PodStatus {
  return {
    ...observed(pod),
    phase: "Failed",
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: pod.status?.startTime ?? toRfc3339(nowMs),
    qosClass: qosClassOf(pod),
  };
}
