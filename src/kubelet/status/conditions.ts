/** A pod's conditions. upstream: pkg/kubelet/status/generate.go */
import type { ContainerStatus, Pod, PodCondition } from "#api/generated/types/core-v1.ts";
import { initContainers, isSidecar, mainContainers } from "../pods/pod.ts";
import type { PodPhase } from "./phase.ts";

/** A condition before anybody knows since when it holds. */
export type Verdict = Pick<PodCondition, "type" | "status" | "reason" | "message">;

export interface ConditionsInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** The pod has a live sandbox with an address. */
  readonly hasSandbox: boolean;
}

const holds = (type: string): Verdict => ({ type, status: "True" });
const fails = (type: string, reason: string, message: string): Verdict => ({
  type,
  status: "False",
  reason,
  ...(message === "" ? {} : { message }),
});
const list = (names: readonly string[]): string => `[${names.join(" ")}]`;

export function podConditions(input: ConditionsInput): Verdict[] {
  const containersReady = containersReadyCondition(input);
  return [
    { type: "PodReadyToStartContainers", status: input.hasSandbox ? "True" : "False" },
    initializedCondition(input),
    readyCondition(input, containersReady),
    containersReady,
    holds("PodScheduled"),
  ];
}

function unreadyText(unknown: readonly string[], unready: readonly string[], word: string): string {
  return [
    ...(unknown.length > 0 ? [`containers with unknown status: ${list(unknown)}`] : []),
    ...(unready.length > 0 ? [`containers with ${word} status: ${list(unready)}`] : []),
  ].join(", ");
}

function initializedCondition({ pod, phase, initStatuses, statuses }: ConditionsInput): Verdict {
  const type = "Initialized";
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of initContainers(pod)) {
    const status = initStatuses.find(({ name }) => name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (isSidecar(container) ? status.started !== true : !status.ready) incomplete.push(container.name);
  }
  if (phase === "Succeeded" && unknown.length === 0) {
    return { type, status: "True", reason: "PodCompleted" };
  }
  // Once a main container ran, initialisation is over, whatever became of the sidecars since.
  const hasRun = statuses.some(
    ({ state, lastState }) =>
      state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined,
  );
  if (hasRun && unknown.length === 0 && incomplete.every((name) => isSidecarName(pod, name))) {
    return holds(type);
  }
  if (unknown.length + incomplete.length === 0) return holds(type);
  return fails(type, "ContainersNotInitialized", unreadyText(unknown, incomplete, "incomplete"));
}

const isSidecarName = (pod: Pod, name: string): boolean =>
  initContainers(pod).some((container) => container.name === name && isSidecar(container));

function containersReadyCondition({ pod, phase, initStatuses, statuses }: ConditionsInput): Verdict {
  const type = "ContainersReady";
  const unknown: string[] = [];
  const unready: string[] = [];
  const all = [...initContainers(pod).filter(isSidecar), ...mainContainers(pod)];
  for (const { name } of all) {
    const status = [...initStatuses, ...statuses].find((one) => one.name === name);
    if (status === undefined) unknown.push(name);
    else if (!status.ready) unready.push(name);
  }
  if (phase === "Succeeded" && unknown.length === 0) return fails(type, "PodCompleted", "");
  if (phase === "Failed" && unknown.length === 0) return fails(type, "PodFailed", "");
  if (unknown.length + unready.length === 0) return holds(type);
  return fails(type, "ContainersNotReady", unreadyText(unknown, unready, "unready"));
}

function readyCondition({ pod }: ConditionsInput, containersReady: Verdict): Verdict {
  const type = "Ready";
  if (containersReady.status !== "True") return { ...containersReady, type };
  const faults = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find((one) => one.type === conditionType);
    if (condition === undefined) {
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    }
    return condition.status === "True"
      ? []
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  return faults.length === 0 ? holds(type) : fails(type, "ReadinessGatesNotReady", faults.join(", "));
}

/** Gives verdicts their times: a condition keeps its time while its status stays. */
export function withTimes(
  verdicts: readonly Verdict[],
  old: readonly PodCondition[],
  nowText: string,
  observedGeneration: number | bigint | undefined,
): PodCondition[] {
  return verdicts.map((verdict) => {
    const before = old.find(({ type }) => type === verdict.type);
    const isSame = before?.status === verdict.status && before.lastTransitionTime !== undefined;
    return {
      ...verdict,
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
      lastProbeTime: undefined,
      lastTransitionTime: isSame ? before.lastTransitionTime : nowText,
    };
  });
}
