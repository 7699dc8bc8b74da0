/**
 * The API's containerStatuses out of what the runtime says, what the worker knows and what was reported before.
 * upstream: pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses
 */
import type {
  Container,
  ContainerState,
  ContainerStatus as ApiContainerStatus,
  Pod,
} from "#api/generated/types/core-v1.ts";
import { toRfc3339 } from "#base/clock.ts";
import { containerNameOf, latestContainer, type PodRuntime } from "../pleg/pod-runtime.ts";
import { readContainerNotes } from "../pods/labels.ts";
import { initContainers, isDeleting, isSidecar } from "../pods/pod.ts";
import { wantsStart } from "../pods/restart.ts";
import type { ContainerStatus } from "../runtime/runtime.ts";

/** Why a container isn't running: "ErrImagePull" with its text. By container name. */
export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
  /** Trying again before this is of no use, as long as the image stays the same. */
  readonly notBeforeMs: number;
  readonly image: string | undefined;
}

export interface ContainerStatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  /** What was reported last. */
  readonly old: readonly ApiContainerStatus[];
  readonly reasons: ReadonlyMap<string, WaitingReason>;
  /** "docker": ids are reported as "docker://…". */
  readonly runtimeName: string;
  /** What an ended container left at its termination message path, by container id. */
  readonly messages: ReadonlyMap<string, string>;
}

const goneExitCode = 137;
const unknownReason = "ContainerStatusUnknown";

export const timeOfNanos = (nanos: bigint): string | undefined =>
  nanos === 0n ? undefined : toRfc3339(Number(nanos / 1_000_000n));

export function containerStatuses(
  input: ContainerStatusInput,
  containers: readonly Container[],
  isInit: boolean,
): ApiContainerStatus[] {
  const statuses = containers.map((container) => statusOf(input, container, isInit));
  return isInit ? statuses : statuses.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function statusOf(input: ContainerStatusInput, container: Container, isInit: boolean): ApiContainerStatus {
  const old = input.old.find(({ name }) => name === container.name);
  const seen = input.runtime.containers.filter((status) => containerNameOf(status) === container.name);
  const [current, previous] = seen;
  let status = current === undefined ? unseenStatus(input, container, old) : converted(input, current, old);
  if (current !== undefined) {
    status.lastState = previous === undefined ? (old?.lastState ?? {}) : stateOf(input, previous, undefined);
  }
  status = withReason({ input, container, isInit }, status, current);
  describeSpec(status, container, input.pod);
  return status;
}

function waitingState(pod: Pod): ContainerState {
  return { waiting: { reason: initContainers(pod).length > 0 ? "PodInitializing" : "ContainerCreating" } };
}

/** A container the runtime doesn't know: not made yet, or lost. */
function unseenStatus(
  { pod }: ContainerStatusInput,
  container: Container,
  old: ApiContainerStatus | undefined,
): ApiContainerStatus {
  if (old?.state?.terminated !== undefined) return structuredClone(old);
  const status: ApiContainerStatus = {
    name: container.name,
    state: waitingState(pod),
    lastState: old?.lastState ?? {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? "",
    imageID: "",
  };
  if (old?.state?.running === undefined || status.lastState?.terminated !== undefined) return status;
  status.state = {
    terminated: {
      exitCode: goneExitCode,
      reason: unknownReason,
      message:
        "The container could not be located when the pod was deleted.  The container used to be Running",
    },
  };
  if (!isDeleting(pod)) status.restartCount += 1;
  return status;
}

function converted(
  input: ContainerStatusInput,
  status: ContainerStatus,
  old: ApiContainerStatus | undefined,
): ApiContainerStatus {
  const notes = readContainerNotes(status);
  return {
    name: containerNameOf(status),
    state: stateOf(input, status, old),
    lastState: {},
    ready: false,
    restartCount: notes.restartCount,
    image: notes.image,
    imageID: notes.imageReference,
    containerID: `${input.runtimeName}://${status.id}`,
  };
}

function stateOf(
  input: ContainerStatusInput,
  status: ContainerStatus,
  old: ApiContainerStatus | undefined,
): ContainerState {
  switch (status.state) {
    case "running":
      return { running: { startedAt: timeOfNanos(status.startedAt) } };
    case "exited":
      return { terminated: terminatedState(input, status) };
    case "created":
      return { waiting: {} };
    case "unknown":
      return old?.state?.running === undefined
        ? { waiting: {} }
        : {
            terminated: {
              exitCode: goneExitCode,
              reason: unknownReason,
              message: "The container could not be located when the pod was terminated",
            },
          };
  }
  return { waiting: {} };
}

function terminatedState(
  input: ContainerStatusInput,
  status: ContainerStatus,
): NonNullable<ContainerState["terminated"]> {
  const message = input.messages.get(status.id) ?? status.message;
  return {
    exitCode: status.exitCode,
    ...(status.reason === "" ? {} : { reason: status.reason }),
    ...(message === "" ? {} : { message }),
    startedAt: timeOfNanos(status.startedAt),
    finishedAt: timeOfNanos(status.finishedAt),
    containerID: `${input.runtimeName}://${status.id}`,
  };
}

/** A container that should run but couldn't be started waits, and says why. */
function withReason(
  { input, container, isInit }: { input: ContainerStatusInput; container: Container; isInit: boolean },
  status: ApiContainerStatus,
  current: ContainerStatus | undefined,
): ApiContainerStatus {
  const why = input.reasons.get(container.name);
  if (why === undefined || isDeleting(input.pod) || !wantsStart(input.pod, container, current)) return status;
  const isDone = isInit && !isSidecar(container) && current?.state === "exited" && current.exitCode === 0;
  if (isDone) return status;
  const lastState = status.state?.terminated === undefined ? status.lastState : status.state;
  return {
    ...status,
    lastState,
    state: {
      waiting: { reason: why.reason, ...(why.message === "" ? {} : { message: why.message }) },
    },
  };
}

/** What the container was given: resources and mounts. */
function describeSpec(status: ApiContainerStatus, container: Container, pod: Pod): void {
  if (status.state?.running !== undefined) {
    const { requests, limits } = container.resources ?? {};
    if (requests !== undefined) status.allocatedResources = requests;
    status.resources = {
      ...(limits === undefined ? {} : { limits }),
      ...(requests === undefined ? {} : { requests }),
    };
  }
  const mounts = (container.volumeMounts ?? []).filter(({ name }) =>
    pod.spec?.volumes?.some((volume) => volume.name === name),
  );
  if (mounts.length === 0) return;
  status.volumeMounts = mounts.map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly === true ? { readOnly: true, recursiveReadOnly: "Disabled" } : {}),
  }));
}

/** The reasons that no longer hold: their container runs by now. */
export function staleReasons(
  runtime: PodRuntime,
  reasons: ReadonlyMap<string, WaitingReason>,
): readonly string[] {
  return [...reasons.keys()].filter((name) => latestContainer(runtime, name)?.state === "running");
}
