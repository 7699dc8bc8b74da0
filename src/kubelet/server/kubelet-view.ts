/** What the kubelet's server sees of the kubelet. */
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import type { PodRuntime } from "../pleg/pod-runtime.ts";

export interface KubeletView {
  /** Pods this kubelet looks after, with the newest status it knows. */
  pods(): readonly Pod[];
  /** The runtime's current word on a pod. */
  runtimeOf(uid: string): Promise<PodRuntime>;
  node(): Node | undefined;
  /** Calls back whenever something of the pod may have changed in the runtime; the returned function ends that. */
  onPodChange(uid: string, handle: () => void): () => void;
}
