/** What the kubelet tells users about a pod. The real one is the client's event recorder (component.ts). */
import type { Pod } from "#api/generated/types/core-v1.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** The container it is about. */
  readonly container?: string | undefined;
}

export interface PodEvents {
  record(pod: Pod, event: PodEvent): void;
}
