/**
 * All pods of this node, each with its worker: those the API assigns to it, and those the runtime or the disk still
 * has although the API forgot them (stopped and cleaned up).
 * upstream: pkg/kubelet/pod_workers.go, pkg/kubelet/kubelet_pods.go HandlePodCleanups
 */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { podNameLabel, podNamespaceLabel } from "./labels.ts";
import { rememberedGraceSeconds } from "./kill.ts";
import { podUid } from "./pod.ts";
import { PodWorker } from "./pod-worker.ts";
import type { WorkerDeps } from "./worker-deps.ts";

export class PodWorkers {
  readonly #deps: Omit<WorkerDeps, "activePods" | "onFinished">;
  readonly #workers = new Map<string, PodWorker>();

  constructor(deps: Omit<WorkerDeps, "activePods" | "onFinished">) {
    this.#deps = deps;
  }

  /** Pods that this node looks after, by the API's word. */
  list(): readonly Pod[] {
    return [...this.#workers.values()].map(({ pod }) => pod);
  }

  get(uid: string): Pod | undefined {
    return this.#workers.get(uid)?.pod;
  }

  /** Added or changed in the API. */
  update(pod: Pod): void {
    const uid = podUid(pod);
    const worker = this.#workers.get(uid);
    if (worker === undefined) this.#start(pod, true);
    else worker.update(pod);
  }

  /** Gone from the API. */
  gone(pod: Pod): void {
    this.#workers.get(podUid(pod))?.gone();
  }

  has(uid: string): boolean {
    return this.#workers.has(uid);
  }

  wake(uid: string): void {
    this.#workers.get(uid)?.wake();
  }

  refreshVolumes(uid: string): void {
    this.#workers.get(uid)?.refreshVolumes();
  }

  wakeAll(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }

  /** A pod that only the runtime or the disk knows: it is stopped and removed. */
  adopt(uid: string): void {
    if (this.#workers.has(uid)) return;
    const runtime = this.#deps.cache.peek(uid);
    const labels = runtime.sandboxes[0]?.labels ?? runtime.containers[0]?.labels ?? {};
    const grace = rememberedGraceSeconds(runtime);
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { uid, name: labels[podNameLabel] ?? "", namespace: labels[podNamespaceLabel] ?? "" },
      spec: { containers: [], ...(grace === undefined ? {} : { terminationGracePeriodSeconds: grace }) },
    };
    this.#start(pod, false);
  }

  /** Resolves when no worker is at work. For tests. */
  async idle(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.idle()));
  }

  #start(pod: Pod, isInApi: boolean): void {
    const uid = podUid(pod);
    const wasHere = this.#deps.cache.peek(uid).sandboxes.length > 0;
    const worker = new PodWorker(
      pod,
      { wasHere, isInApi },
      {
        ...this.#deps,
        activePods: (except) => this.#activePods(except),
        onFinished: (finished) => {
          this.#workers.delete(finished);
        },
      },
    );
    this.#workers.set(uid, worker);
    worker.wake();
  }

  #activePods(except: string): readonly Pod[] {
    return [...this.#workers]
      .filter(([uid, worker]) => uid !== except && worker.isActive)
      .map(([, { pod }]) => pod);
  }
}
