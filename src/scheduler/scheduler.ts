/**
 * The scheduler: takes the next pod, finds its node, counts it there at once, and binds it in the background.
 * A cycle never waits, so the cache doesn't change under it; writes run beside the following cycles, at most
 * `writesMax` at a time, which also bounds how far the assumptions are ahead of the API server.
 * upstream: pkg/scheduler/schedule_one.go
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { AssertionError } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { Client } from "#client/client.ts";
import type { EventRecorder } from "#client/events/recorder.ts";
import { bindPod, reportFailure, type FailureReason } from "./bind.ts";
import { SchedulerCache } from "./cache/cache.ts";
import type { NodeInfo } from "./cache/node-info.ts";
import { Cycle, type Plugins } from "./framework/cycle.ts";
import { UnschedulableError } from "./framework/diagnosis.ts";
import type { ClusterEvent } from "./framework/plugin.ts";
import { SchedulingQueue, type QueuedPod } from "./queue/scheduling-queue.ts";

export interface SchedulerDeps {
  readonly client: Client;
  readonly plugins: Plugins;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Enough to fill the store's commits, few enough to stop soon. */
const writesMax = 256;
/** So many cycles in one turn of the event loop, so that others get theirs. */
const cyclesPerTurn = 32;

export class Scheduler {
  readonly cache = new SchedulerCache();
  readonly queue: SchedulingQueue;
  readonly #deps: SchedulerDeps;
  readonly #cycle: Cycle;
  readonly #writes = new Set<Promise<void>>();

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#cycle = new Cycle(deps.plugins, this.cache, deps.random);
    this.queue = new SchedulingQueue({
      clock: deps.clock,
      mayHelp: (queued, event) => this.#mayHelp(queued, event),
    });
  }

  /** Resolves after the signal aborted and the writes under way have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.queue.close();
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    try {
      for (let count = 1; ; count++) {
        const queued = await this.queue.pop();
        if (queued === undefined) break;
        this.#scheduleOne(queued);
        if (this.#writes.size >= writesMax) await Promise.race(this.#writes);
        if (count % cyclesPerTurn === 0) await nextTurn();
      }
    } finally {
      signal.removeEventListener("abort", stop);
      await Promise.all(this.#writes);
    }
  }

  /** One cycle, top to bottom. */
  #scheduleOne(queued: QueuedPod): void {
    const { info } = queued;
    if (info.pod.metadata?.deletionTimestamp !== undefined) {
      const text = `skip schedule deleting pod: ${info.key}`;
      this.#deps.events.event(info.pod, "Warning", "FailedScheduling", text);
      this.queue.delete(info.uid);
      return;
    }
    let node: NodeInfo;
    try {
      node = this.#cycle.findNode(info);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      this.#fail(queued, error);
      return;
    }
    this.cache.assume(info, node.name);
    this.#inBackground(this.#bind(queued, node.name));
  }

  async #bind(queued: QueuedPod, nodeName: string): Promise<void> {
    const { pod, key } = queued.info;
    try {
      await bindPod(this.#deps, pod, nodeName);
    } catch (error) {
      this.cache.forget(queued.info.uid);
      this.queue.onEvent({ kind: "pod freed resources", pod });
      if (isNotFound(error)) this.queue.delete(queued.info.uid);
      else this.#fail(queued, new Error(`binding rejected: ${errorText(error)}`, { cause: error }));
      return;
    }
    this.queue.delete(queued.info.uid);
    this.#deps.log.debug("pod bound", { pod: key, node: nodeName });
    this.#deps.events.event(pod, "Normal", "Scheduled", `Successfully assigned ${key} to ${nodeName}`);
  }

  #fail(queued: QueuedPod, error: unknown): void {
    const { pod, key } = queued.info;
    const isUnschedulable = error instanceof UnschedulableError;
    const message = error instanceof Error ? error.message : String(error);
    if (isUnschedulable) this.#deps.log.debug("pod fits nowhere", { pod: key, message });
    else this.#deps.log.warn("pod not placed, will retry", { pod: key, error });
    const isKept = this.queue.retry(queued, isUnschedulable ? error.rejectedBy : new Set());
    // Deleted meanwhile, or bound although the answer was an error: there is nothing to report.
    if (!isKept) return;
    this.#deps.events.event(pod, "Warning", "FailedScheduling", message);
    this.#inBackground(this.#report(pod, isUnschedulable ? "Unschedulable" : "SchedulerError", message));
  }

  async #report(pod: Pod, reason: FailureReason, message: string): Promise<void> {
    try {
      await reportFailure(this.#deps, pod, reason, message);
    } catch (error) {
      // The next try says it again.
      if (!isNotFound(error)) this.#deps.log.warn("pod condition not written", { error });
    }
  }

  #inBackground(write: Promise<void>): void {
    const tracked = write.finally(() => {
      this.#writes.delete(tracked);
    });
    this.#writes.add(tracked);
  }

  #mayHelp({ info, rejectedBy }: QueuedPod, event: ClusterEvent): boolean {
    return this.#deps.plugins.filters.some(
      (plugin) => rejectedBy.has(plugin.name) && plugin.mayHelp(info, event),
    );
  }
}
