/**
 * The life of one pod on this node: syncing (bring it to what its spec says), terminating (stop it), terminated
 * (clean up after it; delete it from the API when it was deleted there), finished.
 *
 * One step runs at a time. Whoever learns something calls `update` or `wake`; calls during a step make another step
 * follow. Each step reads the world afresh, so it may run twice. A pod never goes back from a later state to an earlier.
 * upstream: pkg/kubelet/pod_workers.go
 */
import { isAbortError } from "#base/abort.ts";
import { unreachable } from "#base/assert.ts";
import { Backoff } from "#base/backoff.ts";
import { parseTime } from "#base/clock.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { pods } from "#api/resources.ts";
import { isAlive, readySandbox, type PodRuntime } from "../pleg/pod-runtime.ts";
import { staleReasons, type WaitingReason } from "../status/container-status.ts";
import { finalPodStatus, podStatus, rejectedPodStatus, type PodStatusInput } from "../status/pod-status.ts";
import { rejectionOf } from "./admission.ts";
import { killPodContainers } from "./kill.ts";
import {
  graceSeconds,
  isDeleting,
  isTerminal,
  podName,
  podNamespace,
  podText,
  podUid,
  usesHostNetwork,
} from "./pod.ts";
import { carryOut } from "./pod-actions.ts";
import { VolumeError } from "./pod-host.ts";
import { planPod } from "./plan.ts";
import { pruneDead } from "./prune.ts";
import { StartError } from "./start-error.ts";
import { TerminationMessages } from "./termination-message.ts";
import type { WorkerDeps } from "./worker-deps.ts";

export type WorkerState = "syncing" | "terminating" | "terminated" | "finished";

const retry = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.2 };

export class PodWorker {
  readonly #deps: WorkerDeps;
  readonly #uid: string;
  readonly #reasons = new Map<string, WaitingReason>();
  readonly #messages: TerminationMessages;
  readonly #backoff: Backoff;
  /** Ends the syncing state's work in progress. */
  readonly #stopSyncing = new AbortController();
  /** Takes back the rest of the grace period. */
  readonly #hurry = new AbortController();
  #pod: Pod;
  #state: WorkerState = "syncing";
  #isInApi: boolean;
  #isAdmitted: boolean;
  #wasRejected = false;
  #failure: { readonly reason: string; readonly message: string } | undefined;
  #volumesAreStale = true;
  #running: Promise<void> | undefined;
  #again = false;
  #reporting = false;
  #cancelTimers: (() => void)[] = [];
  #cancelHurry = (): void => undefined;
  /** Outlives the steps that have nothing to do with volumes. */
  #cancelRefresh = (): void => undefined;

  /** `wasHere`: the runtime knew the pod before this kubelet did, so it was admitted once. */
  constructor(pod: Pod, options: { readonly wasHere: boolean; readonly isInApi: boolean }, deps: WorkerDeps) {
    this.#pod = pod;
    this.#deps = deps;
    this.#uid = podUid(pod);
    this.#isInApi = options.isInApi;
    this.#isAdmitted = options.wasHere || pod.status?.phase === "Running";
    this.#messages = new TerminationMessages(deps.host);
    this.#backoff = new Backoff(retry, deps.random);
    if (isTerminal(pod) || isDeleting(pod) || !options.isInApi) this.#terminate();
    else deps.references.acquire(pod);
  }

  get pod(): Pod {
    return this.#pod;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Counts against the node's resources. */
  get isActive(): boolean {
    return this.#isAdmitted && (this.#state === "syncing" || this.#state === "terminating");
  }

  /** The pod in the API changed. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    this.#deps.status.observe(pod);
    if (isDeleting(pod)) this.#onDeleting(before);
    else if (mayChangeVolumes(before, pod)) this.#volumesAreStale = true;
    this.wake();
  }

  /** The pod is gone from the API. */
  gone(): void {
    this.#isInApi = false;
    this.#deps.status.forget(this.#uid);
    this.#terminate();
    this.wake();
  }

  /** Something the pod mounts changed. */
  refreshVolumes(): void {
    this.#volumesAreStale = true;
    this.wake();
  }

  /** Something about the pod changed in the runtime, in its probes or in time. */
  wake(): void {
    if (this.#state === "finished" || this.#deps.lifetime.aborted) return;
    if (this.#running !== undefined) {
      this.#again = true;
      this.#reportMeanwhile();
      return;
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is in progress. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      this.#clearTimers();
      try {
        await this.#step();
        this.#backoff.reset();
      } catch (error) {
        if (this.#deps.lifetime.aborted) return;
        this.#onFailure(error);
      }
    } while (this.#isWanted());
  }

  #isWanted(): boolean {
    return this.#again && !this.#deps.lifetime.aborted;
  }

  #step(): Promise<void> {
    switch (this.#state) {
      case "syncing":
        return this.#sync();
      case "terminating":
        return this.#stop();
      case "terminated":
        return this.#cleanUp();
      case "finished":
        return Promise.resolve();
      default:
        return unreachable(this.#state);
    }
  }

  #onFailure(error: unknown): void {
    const signal = this.#stopSyncing.signal;
    if (isAbortError(error, signal) || (this.#state !== "syncing" && signal.aborted && this.#again)) return;
    if (!(error instanceof StartError) && !(error instanceof VolumeError)) {
      this.#deps.log.warn("pod step failed", { pod: podText(this.#pod), state: this.#state, error });
    }
    this.#wakeAfter(this.#backoff.next());
  }

  #wakeAfter(ms: number): void {
    this.#cancelTimers.push(
      this.#deps.clock.after(ms, () => {
        this.wake();
      }),
    );
  }

  #clearTimers(): void {
    for (const cancel of this.#cancelTimers) cancel();
    this.#cancelTimers = [];
  }

  #terminate(): void {
    if (this.#state !== "syncing") return;
    this.#state = "terminating";
    this.#cancelRefresh();
    this.#stopSyncing.abort(new Error("the pod is being stopped"));
    this.#again = true;
  }

  /** A deletion starts the end; a later one with a shorter grace period hastens it. */
  #onDeleting(before: Pod): void {
    if (this.#state === "syncing") {
      this.#terminate();
      return;
    }
    const now = Number(this.#pod.metadata?.deletionGracePeriodSeconds ?? 0);
    if (this.#state !== "terminating" || now >= graceSeconds(before)) return;
    this.#cancelHurry();
    if (now <= 1) this.#hurry.abort(new Error("the grace period was cut short"));
    else {
      this.#cancelHurry = this.#deps.clock.after(now * 1000, () => {
        this.#hurry.abort(new Error("the grace period was cut short"));
      });
    }
  }

  async #sync(): Promise<void> {
    const deps = this.#deps;
    const { signal } = this.#stopSyncing;
    const runtime = await this.#observe();
    if (!this.#admit()) return;
    // First: what is said of containers that run already rests on their probes.
    deps.probes.sync(this.#pod, runtime);
    const status = podStatus(this.#statusInput(runtime, false));
    deps.status.set(this.#pod, status, this.#urgency(runtime));
    if (status.phase === "Succeeded" || status.phase === "Failed") {
      this.#terminate();
      return;
    }
    if (!this.#withinDeadline(status.startTime)) return;
    await this.#prepareVolumes(runtime, signal);
    const plan = planPod(this.#pod, runtime, deps.probes.forPlan(this.#pod));
    const retryMs = await carryOut(plan, runtime, {
      pod: this.#pod,
      deps,
      signal,
      reasons: this.#reasons,
      report: () => this.#report(),
    });
    if (retryMs !== undefined) this.#wakeAfter(retryMs);
    const after = await this.#report();
    deps.probes.sync(this.#pod, after);
    await pruneDead(this.#uid, after, deps);
    // A container may have ended while the others were started.
    if (plan.killPod) this.#again = true;
  }

  /** Reads the runtime and what ended containers left. */
  async #observe(): Promise<PodRuntime> {
    const runtime = await this.#deps.cache.read(this.#uid);
    await this.#messages.collect(runtime);
    for (const name of staleReasons(runtime, this.#reasons)) this.#reasons.delete(name);
    return runtime;
  }

  async #report(): Promise<PodRuntime> {
    const runtime = await this.#observe();
    const isTerminating = this.#state !== "syncing";
    const isOver = this.#state === "terminated" || this.#state === "finished";
    if (!isOver && this.#isInApi && this.#isAdmitted) {
      const status = podStatus(this.#statusInput(runtime, isTerminating));
      this.#deps.status.set(this.#pod, status, this.#urgency(runtime));
    }
    return runtime;
  }

  /** Until its first container is there or can't be started, a pod has nothing to say that couldn't wait a moment. */
  #urgency(runtime: PodRuntime): "now" | "soon" {
    const isStarting = this.#state === "syncing" && this.#failure === undefined;
    const hasNews = this.#reasons.size > 0 || runtime.containers.some(({ state }) => state !== "created");
    return isStarting && !hasNews ? "soon" : "now";
  }

  /** A step may take minutes (pulls, grace periods): what changes meanwhile is reported at once. */
  #reportMeanwhile(): void {
    if (this.#reporting) return;
    this.#reporting = true;
    this.#report()
      .catch((error: unknown) => {
        this.#deps.log.debug("pod not reported", { pod: podText(this.#pod), error });
      })
      .finally(() => {
        this.#reporting = false;
      });
  }

  #statusInput(runtime: PodRuntime, isTerminating: boolean): PodStatusInput {
    const deps = this.#deps;
    return {
      pod: this.#pod,
      runtime,
      old: deps.status.last(this.#pod),
      reasons: this.#reasons,
      messages: this.#messages.byId,
      runtimeName: deps.node.runtimeName,
      hostIPs: deps.node.hostIPs,
      nowMs: deps.clock.now(),
      isTerminating,
      failure: this.#failure,
      probes: deps.probes.forStatus(this.#pod),
    };
  }

  /** False: the pod may not run here and has failed. */
  #admit(): boolean {
    if (this.#isAdmitted) return true;
    const node = this.#deps.ownNode();
    const rejection =
      node === undefined
        ? undefined
        : rejectionOf({ pod: this.#pod, others: this.#deps.activePods(this.#uid), node });
    if (rejection === undefined) {
      this.#isAdmitted = true;
      return true;
    }
    this.#deps.events.record(this.#pod, { type: "Warning", ...rejection });
    this.#wasRejected = true;
    this.#deps.status.set(this.#pod, rejectedPodStatus(this.#pod, rejection, this.#deps.clock.now()));
    this.#terminate();
    return false;
  }

  #withinDeadline(startTime: string | undefined): boolean {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || startTime === undefined) return true;
    const leftMs = parseTime(startTime) + Number(seconds) * 1000 - this.#deps.clock.now();
    if (leftMs > 0) {
      this.#wakeAfter(leftMs);
      return true;
    }
    const message = "Pod was active on the node longer than the specified deadline";
    this.#deps.events.record(this.#pod, { type: "Normal", reason: "DeadlineExceeded", message });
    this.#failure = { reason: "DeadlineExceeded", message };
    this.#again = true;
    return false;
  }

  async #prepareVolumes(runtime: PodRuntime, signal: AbortSignal): Promise<void> {
    const sandbox = readySandbox(runtime);
    if (!this.#volumesAreStale && sandbox !== undefined) return;
    const deps = this.#deps;
    const ip = sandbox?.ip ?? "";
    const podIPs = usesHostNetwork(this.#pod) ? deps.node.hostIPs : ip === "" ? [] : [ip];
    const context = { nodeName: deps.node.name, hostIPs: deps.node.hostIPs, podIPs };
    this.#volumesAreStale = false;
    this.#cancelRefresh();
    try {
      const refreshMs = await deps.host.prepare(this.#pod, context, signal);
      if (refreshMs !== undefined) {
        this.#cancelRefresh = deps.clock.after(refreshMs, () => {
          this.refreshVolumes();
        });
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#volumesAreStale = true;
      if (!(error instanceof VolumeError)) throw error;
      const message = `MountVolume.SetUp failed for volume "${error.volume}" : ${error.message}`;
      deps.events.record(this.#pod, { type: "Warning", reason: "FailedMount", message });
      // A running pod keeps the files it has.
      if (sandbox === undefined) throw error;
      this.#wakeAfter(this.#backoff.next());
    }
  }

  async #stop(): Promise<void> {
    const deps = this.#deps;
    deps.probes.stopRestarting(this.#uid);
    const runtime = await this.#report();
    const options = { graceSeconds: graceSeconds(this.#pod), message: "", hurry: this.#hurry.signal };
    await killPodContainers(this.#pod, runtime, options, deps);
    for (const { id } of runtime.sandboxes) await deps.runtime.stopSandbox(id);
    deps.cache.note(this.#uid);
    const after = await this.#observe();
    if (after.containers.some(isAlive)) throw new Error("containers still run");
    deps.probes.forget(this.#uid);
    this.#cancelHurry();
    // What a pod without containers said of its end, it said: an earlier kubelet knew more than we do.
    const isSaid = this.#wasRejected || (isTerminal(this.#pod) && after.containers.length === 0);
    if (this.#isInApi && !isSaid) {
      deps.status.set(this.#pod, finalPodStatus(this.#statusInput(after, true)));
    }
    this.#state = "terminated";
    this.#again = true;
  }

  async #cleanUp(): Promise<void> {
    const deps = this.#deps;
    await deps.host.cleanUp(this.#uid);
    deps.references.release(this.#uid);
    deps.images.forget(this.#pod);
    deps.backoff.forget(`${this.#uid}_`);
    const isLeaving = isDeleting(this.#pod) || !this.#isInApi;
    if (!isLeaving) {
      await pruneDead(this.#uid, await this.#observe(), deps);
      return;
    }
    if (this.#isInApi) {
      await deps.status.synced(this.#pod);
      if (deps.lifetime.aborted) return;
      await this.#deleteFromApi();
    }
    const runtime = await deps.cache.read(this.#uid);
    for (const { id } of runtime.sandboxes) await deps.runtime.removeSandbox(id);
    deps.cache.forget(this.#uid);
    await deps.host.removeLogs({
      uid: this.#uid,
      namespace: podNamespace(this.#pod),
      name: podName(this.#pod),
    });
    deps.status.forget(this.#uid);
    this.#state = "finished";
    deps.onFinished(this.#uid);
  }

  async #deleteFromApi(): Promise<void> {
    try {
      const client = this.#deps.client.resource(pods, podNamespace(this.#pod));
      await client.delete(podName(this.#pod), { gracePeriodSeconds: 0, preconditions: { uid: this.#uid } });
    } catch (error) {
      // Gone already, or another pod has its name.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

/** Labels and annotations are files in downwardAPI volumes. */
function mayChangeVolumes(before: Pod, after: Pod): boolean {
  return (
    JSON.stringify([before.metadata?.labels, before.metadata?.annotations]) !==
    JSON.stringify([after.metadata?.labels, after.metadata?.annotations])
  );
}
