/** From the names in a URL to what the runtime has. upstream: pkg/kubelet/kubelet_pods.go */
import type { ContainerStatus as ApiContainerStatus, Pod } from "#api/generated/types/core-v1.ts";
import { containerNameOf, readySandbox } from "../pleg/pod-runtime.ts";
import { findContainer, podName, podNamespace, podUid } from "../pods/pod.ts";
import type { ContainerStatus } from "../runtime/runtime.ts";
import type { KubeletView } from "./kubelet-view.ts";

/** What a client is told; its text is upstream's where upstream has one. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface PodPath {
  readonly namespace: string;
  readonly pod: string;
  /** "" in the short form. */
  readonly uid: string;
}

export function findPod(view: KubeletView, path: PodPath): Pod {
  const pod = view
    .pods()
    .find(
      (one) =>
        podNamespace(one) === path.namespace &&
        podName(one) === path.pod &&
        (path.uid === "" || podUid(one) === path.uid),
    );
  if (pod === undefined) {
    throw new RequestError(404, `pod "${path.pod}" not found in namespace "${path.namespace}"`);
  }
  return pod;
}

export async function runningContainer(
  view: KubeletView,
  path: PodPath,
  name: string,
): Promise<ContainerStatus> {
  const pod = findPod(view, path);
  const { containers } = await view.runtimeOf(podUid(pod));
  const status = containers.find((one) => containerNameOf(one) === name);
  if (status?.state !== "running") throw new RequestError(404, `container not found ("${name}")`);
  return status;
}

export async function sandboxOf(view: KubeletView, path: PodPath): Promise<string> {
  const pod = findPod(view, path);
  const sandbox = readySandbox(await view.runtimeOf(podUid(pod)));
  if (sandbox === undefined) throw new RequestError(404, `pod not found ("${path.pod}_${path.namespace}")`);
  return sandbox.id;
}

/** The container whose log is asked for: the newest, or the one before it. */
export async function loggedContainer(
  view: KubeletView,
  path: PodPath,
  { name, previous }: { readonly name: string; readonly previous: boolean },
): Promise<ContainerStatus> {
  const pod = findPod(view, path);
  if (findContainer(pod, name) === undefined) {
    throw new RequestError(400, `container "${name}" is not valid for pod "${path.pod}"`);
  }
  const { containers } = await view.runtimeOf(podUid(pod));
  const all = containers.filter((one) => containerNameOf(one) === name);
  const [newest] = all;
  if (previous) {
    // A container that waits for its restart: the one that ended last is the previous one.
    const before = newest?.state === "exited" && isWaiting(pod, name) ? newest : all[1];
    if (before !== undefined) return before;
    throw new RequestError(400, `previous terminated container "${name}" in pod "${path.pod}" not found`);
  }
  const begun = all.find(({ state }) => state !== "created");
  if (begun === undefined) throw new RequestError(400, waitingText(pod, path.pod, name));
  return begun;
}

const reported = (pod: Pod, name: string): ApiContainerStatus | undefined =>
  [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ].find((one) => one.name === name);

const isWaiting = (pod: Pod, name: string): boolean => reported(pod, name)?.state?.waiting !== undefined;

const waitingTexts: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: "trying and failing to pull image",
};

function waitingText(pod: Pod, podNameText: string, name: string): string {
  const reason = reported(pod, name)?.state?.waiting?.reason ?? "ContainerCreating";
  return `container "${name}" in pod "${podNameText}" is waiting to start: ${waitingTexts[reason] ?? reason}`;
}
