/**
 * What has to happen to a pod now: a pure decision over its spec and what the runtime says.
 * upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions
 */
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import type { ContainerStatus, SandboxStatus } from "../runtime/runtime.ts";
import { containerNameOf, isAlive, latestContainer, type PodRuntime } from "../pleg/pod-runtime.ts";
import { containerHash } from "./hash.ts";
import { readContainerNotes } from "./labels.ts";
import { ephemeralContainers, initContainers, isSidecar, mainContainers, usesHostNetwork } from "./pod.ts";
import { restartPolicyOf, wantsStart } from "./restart.ts";

export interface ContainerKill {
  readonly status: ContainerStatus;
  readonly container: Container;
  readonly reason: "changed" | "liveness" | "startup" | "unknown";
  /** The event's text. */
  readonly message: string;
}

export interface PodPlan {
  /** Everything of the pod that still runs is stopped first. */
  readonly killPod: boolean;
  readonly createSandbox: boolean;
  readonly attempt: number;
  /** The sandbox to start containers in, when none is created. */
  readonly sandbox: SandboxStatus | undefined;
  readonly kill: readonly ContainerKill[];
  /** Whatever init containers are doing: they are there to look at them, too. */
  readonly startEphemeral: readonly Container[];
  /** Sidecars and at most one init container; started before `start`. */
  readonly startInit: readonly Container[];
  readonly start: readonly Container[];
}

export interface PlanProbes {
  /** The verdict on a running container, undefined while there is none. */
  liveness(containerId: string): boolean | undefined;
  startup(containerId: string): boolean | undefined;
  /** Started: its startup probe passed, or it has none. */
  hasStarted(container: Container, status: ContainerStatus): boolean;
}

const nothing = { killPod: false, kill: [], startEphemeral: [], startInit: [], start: [] } as const;

export function planPod(pod: Pod, runtime: PodRuntime, probes: PlanProbes): PodPlan {
  const newest = runtime.sandboxes[0];
  const isUsable =
    newest !== undefined && newest.state === "ready" && (usesHostNetwork(pod) || newest.ip !== "");
  if (isUsable) return planInSandbox(pod, runtime, newest, probes);
  const attempt = newest === undefined ? 0 : newest.attempt + 1;
  return planNewSandbox(pod, runtime, attempt);
}

/** Init containers run again in a new sandbox; containers that are done for good don't bring one about. */
function planNewSandbox(pod: Pod, runtime: PodRuntime, attempt: number): PodPlan {
  const base = { ...nothing, attempt, sandbox: undefined };
  const hasRun = attempt > 0 && runtime.containers.length > 0;
  const start = mainContainers(pod).filter((container) => {
    const status = latestContainer(runtime, container.name);
    if (status === undefined) return true;
    if (restartPolicyOf(pod, container) === "Never" && hasRun) return false;
    return status.state !== "exited" || wantsStart(pod, container, status);
  });
  const isRestartable = start.some((container) => restartPolicyOf(pod, container) !== "Never");
  const killPod = runtime.sandboxes.length > 0 || runtime.containers.some(isAlive);
  if (hasRun && (!isRestartable || start.length === 0)) return { ...base, killPod, createSandbox: false };
  const first = initContainers(pod)[0];
  return first === undefined
    ? { ...base, killPod, createSandbox: true, start }
    : { ...base, killPod, createSandbox: true, startInit: [first] };
}

interface InitProgress {
  readonly isDone: boolean;
  readonly hasFailed: boolean;
  readonly start: readonly Container[];
  readonly kill: readonly ContainerKill[];
}

function planInSandbox(pod: Pod, runtime: PodRuntime, sandbox: SandboxStatus, probes: PlanProbes): PodPlan {
  const base = { ...nothing, createSandbox: false, attempt: sandbox.attempt, sandbox };
  const here: PodRuntime = {
    sandboxes: [sandbox],
    containers: runtime.containers.filter(({ sandboxId }) => sandboxId === sandbox.id),
  };
  const hasMainStarted = mainContainers(pod).some(({ name }) => latestContainer(here, name) !== undefined);
  const init = hasMainStarted ? planSidecarsOnly(pod, here, probes) : planInit(pod, here, probes);
  if (init.hasFailed) return { ...base, killPod: true };
  const startEphemeral = ephemeralContainers(pod).filter(
    ({ name }) => latestContainer(runtime, name) === undefined,
  );
  if (!init.isDone) return { ...base, startEphemeral, startInit: init.start, kill: init.kill };
  return planMain(pod, runtime, probes, { base: { ...base, startEphemeral }, init });
}

/** Once a main container was started, init containers are history: only sidecars are looked after. */
function planSidecarsOnly(pod: Pod, runtime: PodRuntime, probes: PlanProbes): InitProgress {
  const start: Container[] = [];
  const kill: ContainerKill[] = [];
  for (const container of initContainers(pod).filter(isSidecar)) {
    const status = latestContainer(runtime, container.name);
    const fault = status === undefined ? undefined : killReason(pod, container, status, probes);
    if (fault !== undefined) {
      kill.push(fault.kill);
      start.push(container);
    } else if (wantsStart(pod, container, status)) start.push(container);
  }
  return { isDone: true, hasFailed: false, start, kill };
}

/** In order: each must have succeeded, or have started when it is a sidecar, before the next one starts. */
function planInit(pod: Pod, runtime: PodRuntime, probes: PlanProbes): InitProgress {
  const start: Container[] = [];
  const kill: ContainerKill[] = [];
  const waiting = (): InitProgress => ({ isDone: false, hasFailed: false, start, kill });
  for (const container of initContainers(pod)) {
    const status = latestContainer(runtime, container.name);
    const fault = status === undefined ? undefined : killReason(pod, container, status, probes);
    if (fault !== undefined) {
      kill.push(fault.kill);
      if (fault.restart) start.push(container);
      return waiting();
    }
    switch (turnOf(pod, container, status, probes)) {
      case "done":
        continue;
      case "start":
        start.push(container);
        return waiting();
      case "wait":
        return waiting();
      case "failed":
        return { isDone: false, hasFailed: true, start, kill };
    }
  }
  return { isDone: true, hasFailed: false, start, kill };
}

function turnOf(
  pod: Pod,
  container: Container,
  status: ContainerStatus | undefined,
  probes: PlanProbes,
): "done" | "start" | "wait" | "failed" {
  if (status?.state === "running") {
    return isSidecar(container) && probes.hasStarted(container, status) ? "done" : "wait";
  }
  if (!isSidecar(container) && status?.state === "exited" && status.exitCode === 0) return "done";
  return wantsStart(pod, container, status) ? "start" : "failed";
}

function planMain(
  pod: Pod,
  runtime: PodRuntime,
  probes: PlanProbes,
  { base, init }: { base: Omit<PodPlan, "kill" | "start" | "startInit" | "killPod">; init: InitProgress },
): PodPlan {
  const start: Container[] = [];
  const kill: ContainerKill[] = [...init.kill];
  let kept = 0;
  for (const container of mainContainers(pod)) {
    const status = latestContainer(runtime, container.name);
    const fault = status === undefined ? undefined : killReason(pod, container, status, probes);
    if (fault !== undefined) {
      kill.push(fault.kill);
      if (fault.restart) start.push(container);
    } else if (wantsStart(pod, container, status)) start.push(container);
    else if (status?.state === "running") kept += 1;
  }
  if (kept === 0 && start.length === 0) {
    return { ...base, ...nothing, killPod: true };
  }
  return { ...base, killPod: false, kill, startInit: init.start, start };
}

function killReason(
  pod: Pod,
  container: Container,
  status: ContainerStatus,
  probes: PlanProbes,
): { readonly kill: ContainerKill; readonly restart: boolean } | undefined {
  const name = containerNameOf(status);
  if (status.state === "unknown") {
    const message = `Container ${name} is in unknown state, try killing it before restart`;
    return { kill: { status, container, reason: "unknown", message }, restart: true };
  }
  if (status.state !== "running") return undefined;
  const restarts = restartPolicyOf(pod, container) !== "Never";
  const verdict = verdictOn(container, status, probes);
  if (verdict === undefined) return undefined;
  const restart = restarts || verdict.reason === "changed";
  const message = `Container ${name} ${verdict.text}${restart ? ", will be restarted" : ""}`;
  return { kill: { status, container, reason: verdict.reason, message }, restart };
}

function verdictOn(
  container: Container,
  status: ContainerStatus,
  probes: PlanProbes,
): { readonly reason: "changed" | "liveness" | "startup"; readonly text: string } | undefined {
  const { hash } = readContainerNotes(status);
  if (hash !== "" && hash !== containerHash(container)) {
    return { reason: "changed", text: "definition changed" };
  }
  if (probes.liveness(status.id) === false) return { reason: "liveness", text: "failed liveness probe" };
  if (probes.startup(status.id) === false) return { reason: "startup", text: "failed startup probe" };
  return undefined;
}
