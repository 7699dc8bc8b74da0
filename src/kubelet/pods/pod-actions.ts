/** Carries out a plan for a pod. upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod */
import type { Container, Pod, Secret } from "#api/generated/types/core-v1.ts";
import { errorText } from "#base/log.ts";
import type { PodRuntime } from "../pleg/pod-runtime.ts";
import { readySandbox } from "../pleg/pod-runtime.ts";
import type { SandboxConfig } from "../runtime/runtime.ts";
import type { WaitingReason } from "../status/container-status.ts";
import { checkBackoff, startContainer, type StartInput } from "./container-starter.ts";
import { podDns, usesClusterDns } from "./dns.ts";
import { killContainer, killPodContainers } from "./kill.ts";
import type { ContainerKill, PodPlan } from "./plan.ts";
import { graceSeconds, podNamespace, podText, podUid, usesHostNetwork } from "./pod.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import { StartError } from "./start-error.ts";
import { untilAborted } from "./until-aborted.ts";
import type { WorkerDeps } from "./worker-deps.ts";

/** Stopping within a living pod isn't hastened; when the pod itself is stopped, that takes over. */
const never = new AbortController().signal;

export interface ActionContext {
  readonly pod: Pod;
  readonly deps: WorkerDeps;
  readonly signal: AbortSignal;
  /** Why containers wait; changed in place. */
  readonly reasons: Map<string, WaitingReason>;
  /** Reports the pod's status as it is now. */
  readonly report: () => Promise<unknown>;
}

/** Resolves with the milliseconds after which a container that couldn't start may be tried again, if any. */
export async function carryOut(
  plan: PodPlan,
  runtime: PodRuntime,
  context: ActionContext,
): Promise<number | undefined> {
  const { pod, deps } = context;
  if (plan.killPod) {
    if (plan.createSandbox && runtime.sandboxes.length > 0) {
      const message = "Pod sandbox changed, it will be killed and re-created.";
      deps.events.record(pod, { type: "Normal", reason: "SandboxChanged", message });
    }
    await stopAll(runtime, context);
    if (!plan.createSandbox) return undefined;
  }
  for (const kill of plan.kill) await killOne(kill, context);
  const sandboxAttempt = plan.sandbox?.attempt ?? plan.attempt;
  const config = await configOf(context, sandboxAttempt);
  const sandboxId = plan.sandbox?.id ?? (await createSandbox(config, context));
  // The pod has its address: a long pull mustn't keep that from being known.
  if (plan.sandbox === undefined) await context.report();
  return startAll([...plan.startEphemeral, ...plan.startInit, ...plan.start], { sandboxId, config }, context);
}

/** Stops what runs of the pod, sandboxes included. */
async function stopAll(runtime: PodRuntime, { pod, deps, signal }: ActionContext): Promise<void> {
  const options = { graceSeconds: graceSeconds(pod), message: "", hurry: never };
  await untilAborted(killPodContainers(pod, runtime, options, deps), signal);
  for (const { id } of runtime.sandboxes) await deps.runtime.stopSandbox(id);
  deps.cache.note(podUid(pod));
}

async function killOne(
  { status, container, reason, message }: ContainerKill,
  { pod, deps, signal }: ActionContext,
): Promise<void> {
  const probe =
    reason === "liveness"
      ? container.livenessProbe
      : reason === "startup"
        ? container.startupProbe
        : undefined;
  const seconds = Number(probe?.terminationGracePeriodSeconds ?? graceSeconds(pod));
  const killed = killContainer(pod, status, { graceSeconds: seconds, message, hurry: never }, deps);
  await untilAborted(killed, signal);
  deps.cache.note(podUid(pod));
}

async function configOf({ pod, deps }: ActionContext, attempt: number): Promise<SandboxConfig> {
  const { node, host } = deps;
  return sandboxConfig({
    pod,
    attempt,
    kubeletRoot: node.kubeletRoot,
    logDirectory: host.logDirectory(pod),
    cgroupParent: host.cgroupParent(pod),
    clusterDomain: node.clusterDns.domain,
    dns: podDns(pod, node.clusterDns, await host.resolvConf()),
  });
}

async function createSandbox(config: SandboxConfig, { pod, deps, signal }: ActionContext): Promise<string> {
  const problem = usesHostNetwork(pod) ? undefined : deps.networkProblem();
  if (problem !== undefined) {
    deps.events.record(pod, {
      type: "Warning",
      reason: "NetworkNotReady",
      message: `network is not ready: ${problem}`,
    });
    throw new StartError("NetworkNotReady", problem, { isSaid: true });
  }
  if (usesClusterDns(pod) && deps.node.clusterDns.servers.length === 0) {
    deps.events.record(pod, {
      type: "Warning",
      reason: "MissingClusterDNS",
      message: `pod: "${podText(pod)}". kubelet does not have ClusterDNS IP configured and cannot create Pod using "${pod.spec?.dnsPolicy ?? "ClusterFirst"}" policy. Falling back to "Default" policy.`,
    });
  }
  try {
    const id = await deps.runtime.runSandbox(config, signal);
    deps.cache.note(podUid(pod), { sandboxId: id });
    return id;
  } catch (error) {
    signal.throwIfAborted();
    const message = `Failed to create pod sandbox: ${errorText(error)}`;
    deps.events.record(pod, { type: "Warning", reason: "FailedCreatePodSandBox", message });
    throw new StartError("FailedCreatePodSandBox", message, { cause: error, isSaid: true });
  }
}

/** One after the other, in order; one that fails doesn't keep the next from starting. */
async function startAll(
  containers: readonly Container[],
  { sandboxId, config }: { readonly sandboxId: string; readonly config: SandboxConfig },
  context: ActionContext,
): Promise<number | undefined> {
  if (containers.length === 0) return undefined;
  const { pod, deps } = context;
  const runtime = await deps.cache.read(podUid(pod));
  const ip = readySandbox(runtime)?.ip ?? "";
  const podIPs = usesHostNetwork(pod) ? deps.node.hostIPs : ip === "" ? [] : [ip];
  const secrets = await pullSecrets(context);
  let retryMs: number | undefined;
  for (const container of containers) {
    const input = { pod, container, runtime, sandboxId, sandbox: config, podIPs, secrets };
    const waitMs = waitingMs(container, context);
    const afterMs = waitMs > 0 ? waitMs : await tryStart(input, context);
    if (afterMs !== undefined) retryMs = Math.min(retryMs ?? afterMs, afterMs);
  }
  return retryMs;
}

/** News of the pod wakes its worker often: a container that has to wait isn't tried each time. */
function waitingMs(container: Container, { deps, reasons }: ActionContext): number {
  const reason = reasons.get(container.name);
  if (reason === undefined || reason.image !== container.image) return 0;
  return reason.notBeforeMs - deps.clock.now();
}

/** Undefined: it was started. */
async function tryStart(input: StartInput, context: ActionContext): Promise<number | undefined> {
  const { deps, signal, reasons } = context;
  const { container } = input;
  try {
    checkBackoff(input, deps);
    await startContainer(input, deps, signal);
    reasons.delete(container.name);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const failure =
      error instanceof StartError ? error : new StartError("RunContainerError", errorText(error));
    const afterMs = failure.retryMs ?? retryDefaultMs;
    reasons.set(container.name, {
      reason: failure.reason,
      message: failure.message,
      notBeforeMs: deps.clock.now() + afterMs,
      image: container.image,
    });
    sayFailed(container, failure, context);
    return afterMs;
  }
}

/** A container that couldn't be configured or created is tried again after this; upstream's is 10 s on average. */
const retryDefaultMs = 10_000;

const imageReasons = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
]);

function sayFailed(container: Container, failure: StartError, { pod, deps }: ActionContext): void {
  if (failure.isSaid) return;
  const text = imageReasons.has(failure.reason) ? failure.reason : failure.message;
  deps.events.record(pod, {
    type: "Warning",
    reason: "Failed",
    message: `Error: ${text}`,
    container: container.name,
  });
}

async function pullSecrets({ pod, deps }: ActionContext): Promise<Secret[]> {
  const found: Secret[] = [];
  const missing: string[] = [];
  for (const { name = "" } of pod.spec?.imagePullSecrets ?? []) {
    const secret = await deps.objects.secret(podNamespace(pod), name);
    if (secret === undefined) missing.push(name);
    else found.push(secret);
  }
  if (missing.length > 0) {
    deps.events.record(pod, {
      type: "Warning",
      reason: "FailedToRetrieveImagePullSecret",
      message: `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
    });
  }
  return found;
}
