/** Everything a pod worker needs of the rest of the kubelet. */
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { Probes } from "../probes/prober.ts";
import type { StatusManager } from "../status/status-manager.ts";
import type { StarterDeps } from "./container-starter.ts";

export interface WorkerDeps extends StarterDeps {
  readonly client: Client;
  readonly random: Random;
  /** Of the kubelet: when it aborts, workers leave everything as it is. */
  readonly lifetime: AbortSignal;
  readonly status: StatusManager;
  readonly probes: Probes;
  /** Follows what the pod mounts, while it lives. */
  readonly references: {
    acquire(pod: Pod): void;
    release(uid: string): void;
  };
  /** Why pods can't get a network now, or undefined. */
  readonly networkProblem: () => string | undefined;
  readonly ownNode: () => Node | undefined;
  /** Other pods that count against the node. */
  readonly activePods: (exceptUid: string) => readonly Pod[];
  /** The worker has nothing left to do: the pod is gone from the API and from the machine. */
  readonly onFinished: (uid: string) => void;
}
