/**
 * What the kubelet writes on sandboxes and containers so that a later kubelet knows them again.
 * upstream: pkg/kubelet/kuberuntime/labels.go (names), ours: `kubeletRoot`.
 */
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import type { ContainerStatus } from "../runtime/runtime.ts";
import { podName, podNamespace, podUid } from "./pod.ts";

export const podNameLabel = "io.kubernetes.pod.name";
export const podNamespaceLabel = "io.kubernetes.pod.namespace";
export const podUidLabel = "io.kubernetes.pod.uid";
export const containerNameLabel = "io.kubernetes.container.name";
/** Whose sandbox it is: two kubelets may share one Docker daemon and must not touch each other's pods. */
export const kubeletRootLabel = "mini-k8s.io/kubelet-root";

const hashAnnotation = "io.kubernetes.container.hash";
const imageAnnotation = "mini-k8s.io/image";
const imageReferenceAnnotation = "mini-k8s.io/image-reference";
const restartCountAnnotation = "io.kubernetes.container.restartCount";
const messagePathAnnotation = "io.kubernetes.container.terminationMessagePath";
const messagePolicyAnnotation = "io.kubernetes.container.terminationMessagePolicy";
const messageHostPathAnnotation = "mini-k8s.io/termination-message-host-path";
const podGraceAnnotation = "io.kubernetes.pod.terminationGracePeriod";

export function sandboxLabels(pod: Pod, kubeletRoot: string): Record<string, string> {
  return {
    ...pod.metadata?.labels,
    [podNameLabel]: podName(pod),
    [podNamespaceLabel]: podNamespace(pod),
    [podUidLabel]: podUid(pod),
    [kubeletRootLabel]: kubeletRoot,
  };
}

export function containerLabels(pod: Pod, container: Container, kubeletRoot: string): Record<string, string> {
  return {
    [podNameLabel]: podName(pod),
    [podNamespaceLabel]: podNamespace(pod),
    [podUidLabel]: podUid(pod),
    [containerNameLabel]: container.name,
    [kubeletRootLabel]: kubeletRoot,
  };
}

export interface ContainerNotes {
  readonly hash: string;
  /** As the pod names it, and what that was resolved to. */
  readonly image: string;
  readonly imageReference: string;
  readonly restartCount: number;
  /** Where the container sees its termination message, and where it lies on the host ("" when nowhere). */
  readonly messagePath: string;
  readonly messageHostPath: string;
  readonly messagePolicy: string;
  /** Undefined in containers whose pod had none. */
  readonly podGraceSeconds: number | undefined;
}

export function containerAnnotations(notes: ContainerNotes): Record<string, string> {
  return {
    [hashAnnotation]: notes.hash,
    [imageAnnotation]: notes.image,
    [imageReferenceAnnotation]: notes.imageReference,
    [restartCountAnnotation]: String(notes.restartCount),
    [messagePathAnnotation]: notes.messagePath,
    [messageHostPathAnnotation]: notes.messageHostPath,
    [messagePolicyAnnotation]: notes.messagePolicy,
    ...(notes.podGraceSeconds === undefined ? {} : { [podGraceAnnotation]: String(notes.podGraceSeconds) }),
  };
}

export function readContainerNotes({
  annotations,
  attempt,
  image,
  imageId,
}: ContainerStatus): ContainerNotes {
  const grace = annotations[podGraceAnnotation];
  return {
    hash: annotations[hashAnnotation] ?? "",
    image: annotations[imageAnnotation] ?? image,
    imageReference: annotations[imageReferenceAnnotation] ?? imageId,
    restartCount: Number(annotations[restartCountAnnotation] ?? attempt),
    messagePath: annotations[messagePathAnnotation] ?? "",
    messageHostPath: annotations[messageHostPathAnnotation] ?? "",
    messagePolicy: annotations[messagePolicyAnnotation] ?? "File",
    podGraceSeconds: grace === undefined ? undefined : Number(grace),
  };
}
