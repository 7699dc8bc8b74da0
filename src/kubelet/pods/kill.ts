/** Stops containers: the preStop hook, then the signal, within the grace period. upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer */
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import { runHook, type HookDeps } from "../lifecycle/hooks.ts";
import { containerNameOf, isAlive, type PodRuntime } from "../pleg/pod-runtime.ts";
import type { ContainerStatus, Runtime } from "../runtime/runtime.ts";
import type { PodEvents } from "./events.ts";
import { readContainerNotes } from "./labels.ts";
import { findContainer, initContainers, isSidecar, podText } from "./pod.ts";
import { untilAborted } from "./until-aborted.ts";

export interface KillDeps extends HookDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly events: PodEvents;
  readonly log: Logger;
}

export interface KillOptions {
  readonly graceSeconds: number;
  /** The event's text; "" for the usual one. */
  readonly message: string;
  /** Aborts when the rest of the grace period is taken back: then the container is killed at once. */
  readonly hurry: AbortSignal;
}

/** A container always gets this long between signal and kill, whatever its hook took. */
const signalGraceMinMs = 2000;

export async function killContainer(
  pod: Pod,
  status: ContainerStatus,
  options: KillOptions,
  deps: KillDeps,
): Promise<void> {
  const name = containerNameOf(status);
  const container = findContainer(pod, name)?.container;
  const message = options.message === "" ? `Stopping container ${name}` : options.message;
  deps.events.record(pod, { type: "Normal", reason: "Killing", message, container: name });
  let graceMs = Math.max(1, options.graceSeconds) * 1000;
  if (container?.lifecycle?.preStop !== undefined && options.graceSeconds > 0 && status.state === "running") {
    const startedAt = deps.clock.monotonic();
    await runPreStop(pod, { container, containerId: status.id, timeoutMs: graceMs }, options, deps);
    graceMs -= Math.round(deps.clock.monotonic() - startedAt);
  }
  graceMs = Math.max(graceMs, Math.min(signalGraceMinMs, Math.max(1, options.graceSeconds) * 1000));
  await stop(status.id, graceMs, options.hurry, deps.runtime);
}

/** As a call, since it may change while we wait. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

async function stop(id: string, graceMs: number, hurry: AbortSignal, runtime: Runtime): Promise<void> {
  if (!isAborted(hurry)) {
    try {
      await untilAborted(runtime.stopContainer(id, graceMs), hurry);
      return;
    } catch (error) {
      if (!isAborted(hurry)) throw error;
    }
  }
  await runtime.stopContainer(id, Math.min(graceMs, 1000));
}

async function runPreStop(
  pod: Pod,
  call: { readonly container: Container; readonly containerId: string; readonly timeoutMs: number },
  options: KillOptions,
  deps: KillDeps,
): Promise<void> {
  const handler = call.container.lifecycle?.preStop;
  if (handler === undefined) return;
  const late = new AbortController();
  const cancel = deps.clock.after(call.timeoutMs, () => {
    late.abort(new Error("grace period is over"));
  });
  try {
    const signal = AbortSignal.any([late.signal, options.hurry]);
    const podIP = pod.status?.podIP ?? "";
    await untilAborted(runHook({ ...call, handler, podIP }, deps, signal), signal);
  } catch (error) {
    if (late.signal.aborted || options.hurry.aborted) {
      deps.log.warn("preStop hook did not end in time", {
        pod: podText(pod),
        container: call.container.name,
      });
      return;
    }
    deps.log.warn("preStop hook failed", { pod: podText(pod), container: call.container.name, error });
    deps.events.record(pod, {
      type: "Warning",
      reason: "FailedPreStopHook",
      message: "PreStopHook failed",
      container: call.container.name,
    });
  } finally {
    cancel();
  }
}

/**
 * Stops everything of the pod that runs: main containers at once, then sidecars one after the other, last started
 * first, within what is left of the grace period.
 */
export async function killPodContainers(
  pod: Pod,
  runtime: PodRuntime,
  options: KillOptions,
  deps: KillDeps,
): Promise<void> {
  const alive = runtime.containers.filter((status) => isAlive(status) || status.state === "created");
  const sidecars = initContainers(pod).filter(isSidecar);
  const orderOf = (status: ContainerStatus): number =>
    sidecars.findIndex(({ name }) => name === containerNameOf(status));
  const startedAt = deps.clock.monotonic();
  await settleAll(
    alive.filter((status) => orderOf(status) < 0).map((status) => killContainer(pod, status, options, deps)),
  );
  for (const status of alive.filter((one) => orderOf(one) >= 0).toSorted((a, b) => orderOf(b) - orderOf(a))) {
    const spentSeconds = Math.round((deps.clock.monotonic() - startedAt) / 1000);
    const graceSeconds = Math.max(1, options.graceSeconds - spentSeconds);
    await killContainer(pod, status, { ...options, graceSeconds }, deps);
  }
}

/** Waits for all, then fails with the first failure: one container that won't die doesn't keep the others alive. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    throw failed.reason instanceof Error ? failed.reason : new Error(errorText(failed.reason));
  }
}

/** A grace period for a pod that only its containers remember. */
export function rememberedGraceSeconds(runtime: PodRuntime): number | undefined {
  for (const status of runtime.containers) {
    const { podGraceSeconds } = readContainerNotes(status);
    if (podGraceSeconds !== undefined) return podGraceSeconds;
  }
  return undefined;
}
