/** Starts one container: image, configuration, create, start, postStart. upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer */
import type { Container, Pod, Secret, Service } from "#api/generated/types/core-v1.ts";
import { errorText } from "#base/log.ts";
import { environment, type ObjectReader } from "../env/environment.ts";
import { runHook } from "../lifecycle/hooks.ts";
import { latestContainer, type PodRuntime } from "../pleg/pod-runtime.ts";
import type { RuntimeCache } from "../pleg/runtime-cache.ts";
import type { SandboxConfig } from "../runtime/runtime.ts";
import { durationText, type BackoffTable } from "./backoff-table.ts";
import { containerConfig } from "./container-config.ts";
import type { ImagePolicy, PresentImage } from "./image-policy.ts";
import { killContainer, type KillDeps } from "./kill.ts";
import { readContainerNotes } from "./labels.ts";
import type { NodeFacts } from "./node-facts.ts";
import { ephemeralContainers, graceSeconds, podText, podUid } from "./pod.ts";
import type { PodHost } from "./pod-host.ts";
import { podHostname } from "./sandbox-config.ts";
import { StartError } from "./start-error.ts";
import { untilAborted } from "./until-aborted.ts";

export interface StarterDeps extends KillDeps {
  readonly host: PodHost;
  readonly cache: RuntimeCache;
  readonly images: ImagePolicy;
  readonly objects: ObjectReader;
  readonly node: NodeFacts;
  readonly services: () => readonly Service[];
  readonly backoff: BackoffTable;
}

export interface StartInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly runtime: PodRuntime;
  readonly sandboxId: string;
  readonly sandbox: SandboxConfig;
  readonly podIPs: readonly string[];
  readonly secrets: readonly Secret[];
}

/** Keys start with the pod's uid, so that a pod's back-off can be forgotten with it. */
const backoffKey = (pod: Pod, container: Container): string =>
  `${podUid(pod)}_${container.name}_${container.image ?? ""}`;

const nanosPerMs = 1_000_000n;

/** Throws StartError when the container has to wait because it failed a short while ago. */
export function checkBackoff({ pod, container, runtime }: StartInput, deps: StarterDeps): void {
  const last = latestContainer(runtime, container.name);
  if (last?.state !== "exited") return;
  const key = backoffKey(pod, container);
  const endedMs = Number(last.finishedAt / nanosPerMs);
  const remainingMs = deps.backoff.remainingMs(key, endedMs);
  if (remainingMs > 0) {
    deps.events.record(pod, {
      type: "Warning",
      reason: "BackOff",
      message: `Back-off restarting failed container ${container.name} in pod ${podText(pod)}`,
      container: container.name,
    });
    throw new StartError(
      "CrashLoopBackOff",
      `back-off ${durationText(deps.backoff.delayMs(key))} restarting failed container=${container.name} pod=${podText(pod)}`,
      { retryMs: remainingMs, isSaid: true },
    );
  }
  deps.backoff.next(key, endedMs);
}

export async function startContainer(
  input: StartInput,
  deps: StarterDeps,
  signal: AbortSignal,
): Promise<void> {
  const { pod, container } = input;
  const image = await deps.images.ensure(input, signal);
  const config = await configure(input, image, deps);
  signal.throwIfAborted();
  const id = await step("CreateContainerError", () =>
    deps.runtime.createContainer(input.sandboxId, config, input.sandbox),
  );
  deps.cache.note(podUid(pod), { containerId: id });
  const say = (reason: string, message: string): void => {
    deps.events.record(pod, { type: "Normal", reason, message, container: container.name });
  };
  say("Created", "Container created");
  await step("RunContainerError", () => deps.runtime.startContainer(id)).finally(() => {
    deps.cache.note(podUid(pod));
  });
  say("Started", "Container started");
  await postStart(input, id, deps, signal);
}

async function step<T>(reason: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new StartError(reason, errorText(error), { cause: error });
  }
}

async function configure(
  input: StartInput,
  image: PresentImage,
  deps: StarterDeps,
): Promise<ReturnType<typeof containerConfig>> {
  const { pod, container, podIPs } = input;
  const { node } = deps;
  const context = { nodeName: node.name, hostIPs: node.hostIPs, podIPs };
  try {
    const env = await environment({
      pod,
      container,
      context,
      allocatable: node.allocatable,
      services: deps.services(),
      objects: deps.objects,
    });
    const files = await deps.host.containerFiles({
      pod,
      container,
      env,
      context,
      ...podHostname(pod, node.clusterDns.domain),
    });
    return containerConfig({
      pod,
      container,
      attempt: nextAttempt(input),
      kubeletRoot: node.kubeletRoot,
      image,
      env,
      ...files,
      targetId: targetIdOf(input),
      memoryCapacityBytes: node.memoryCapacityBytes,
      oomScoreMin: node.oomScoreMin,
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError("CreateContainerConfigError", errorText(error), { cause: error });
  }
}

function targetIdOf({ pod, container, runtime }: StartInput): string {
  const { targetContainerName: target = "" } =
    ephemeralContainers(pod).find(({ name }) => name === container.name) ?? {};
  if (target === "") return "";
  const found = latestContainer(runtime, target);
  if (found === undefined) throw new Error(`unable to find target container ${target}`);
  return found.id;
}

/** The runtime remembers how often the container ran; after a loss of the runtime's memory, the API does. */
function nextAttempt({ pod, container, runtime }: StartInput): number {
  const last = latestContainer(runtime, container.name);
  if (last !== undefined) return readContainerNotes(last).restartCount + 1;
  const reported = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ].find(({ name }) => name === container.name);
  if (reported === undefined) return 0;
  const hasRun = reported.containerID !== undefined && reported.containerID !== "";
  return hasRun ? reported.restartCount + 1 : reported.restartCount;
}

/** A hook has no time limit upstream; a day is as good as none and ends at last. */
const hookMsMax = 86_400_000;

async function postStart(
  input: StartInput,
  id: string,
  deps: StarterDeps,
  signal: AbortSignal,
): Promise<void> {
  const { pod, container, podIPs } = input;
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  const call = { handler, container, containerId: id, podIP: podIPs[0] ?? "", timeoutMs: hookMsMax };
  try {
    await untilAborted(runHook(call, deps, signal), signal);
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn("postStart hook failed", { pod: podText(pod), container: container.name, error });
    const message = "PostStartHook failed";
    deps.events.record(pod, {
      type: "Warning",
      reason: "FailedPostStartHook",
      message,
      container: container.name,
    });
    const status = await deps.runtime.containerStatus(id);
    const options = { graceSeconds: graceSeconds(pod), message: "FailedPostStartHook", hurry: signal };
    await killContainer(pod, status, options, deps);
    deps.cache.note(podUid(pod));
    throw new StartError("PostStartHookError", message, { cause: error, isSaid: true });
  }
}
