/**
 * Pods that wait to be placed.
 * A pod is in one of four places: active (next by priority, then by age), backing off (failed a moment ago),
 * unschedulable (waits for an event that may change that), or out (being placed). Gated pods wait outside until
 * their last gate is gone. One timer serves all waits, and none runs while nothing waits for time.
 * upstream: pkg/scheduler/backend/queue/scheduling_queue.go
 */
import type { Clock } from "#base/clock.ts";
import { Heap } from "#base/heap.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { podInfoOf, type PodInfo } from "../cache/node-info.ts";
import type { ClusterEvent } from "../framework/plugin.ts";

type Place = "gated" | "active" | "backoff" | "unschedulable" | "out";

export interface QueuedPod {
  info: PodInfo;
  place: Place;
  /** How often it was tried without success. */
  attempts: number;
  /** The plugins that said no last time. Empty after an error. */
  rejectedBy: ReadonlySet<string>;
  /** When it came to where it is now. */
  since: number;
  /** Breaks ties, and tells a stale entry of a heap from the current one. */
  serial: number;
}

interface Entry {
  readonly queued: QueuedPod;
  readonly serial: number;
  readonly key: number;
}

export interface SchedulingQueueDeps {
  readonly clock: Clock;
  /** Whether any of the plugins that rejected the pod thinks that the event may help. */
  readonly mayHelp: (queued: QueuedPod, event: ClusterEvent) => boolean;
}

/** Upstream's defaults. */
const backoffMsMin = 1000;
const backoffMsMax = 10_000;
/** Nothing stays unschedulable longer without another try: an event may have been missed or misjudged. */
const unschedulableMsMax = 300_000;

export class SchedulingQueue {
  readonly #deps: SchedulingQueueDeps;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #unschedulable = new Set<QueuedPod>();
  readonly #active = new Heap<Entry>(
    (a, b) =>
      a.queued.info.priority > b.queued.info.priority ||
      (a.queued.info.priority === b.queued.info.priority &&
        (a.key < b.key || (a.key === b.key && a.serial < b.serial))),
  );
  /** Pods that wait for a time: back-off, or the longest stay among the unschedulable. */
  readonly #timed = new Heap<Entry>((a, b) => a.key < b.key);
  #serial = 0;
  #cancelTimer: (() => void) | undefined;
  #timerAt = 0;
  #popper: ((queued: QueuedPod | undefined) => void) | undefined;
  #isClosed = false;

  constructor(deps: SchedulingQueueDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#pods.size;
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  /** A new or changed pod that waits for a node. */
  set(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    const known = this.#pods.get(uid);
    if (known === undefined) {
      const queued: QueuedPod = {
        info: podInfoOf(pod),
        place: "gated",
        attempts: 0,
        rejectedBy: new Set(),
        since: this.#deps.clock.monotonic(),
        serial: 0,
      };
      this.#pods.set(uid, queued);
      if (!isGated(pod)) this.#activate(queued);
      return;
    }
    const old = known.info.pod;
    known.info = podInfoOf(pod);
    if (known.place === "gated" && !isGated(pod)) this.#activate(known);
    else if (known.place === "unschedulable") this.#reconsider(known, { kind: "pod changed", pod, old });
  }

  /** The pod has a node, is gone, or isn't ours any more. */
  delete(uid: string): void {
    const queued = this.#pods.get(uid);
    if (queued === undefined) return;
    this.#pods.delete(uid);
    this.#move(queued, "out");
  }

  /** The next pod, or undefined when the queue was closed. Give it back with `retry`, or `delete` it. */
  pop(): Promise<QueuedPod | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    for (let entry = this.#active.pop(); entry !== undefined; entry = this.#active.pop()) {
      if (entry.serial !== entry.queued.serial) continue;
      this.#move(entry.queued, "out");
      return Promise.resolve(entry.queued);
    }
    return new Promise((resolve) => {
      this.#popper = resolve;
    });
  }

  /**
   * It couldn't be placed: it waits for an event that helps or, after an error (nobody rejected it), for its
   * back-off. False when it was deleted meanwhile.
   */
  retry(queued: QueuedPod, rejectedBy: ReadonlySet<string>): boolean {
    if (this.#pods.get(queued.info.uid) !== queued) return false;
    queued.attempts += 1;
    queued.rejectedBy = rejectedBy;
    queued.since = this.#deps.clock.monotonic();
    if (rejectedBy.size === 0) this.#backOff(queued);
    else {
      this.#move(queued, "unschedulable");
      this.#wait(queued, queued.since + unschedulableMsMax);
    }
    return true;
  }

  onEvent(event: ClusterEvent): void {
    for (const queued of this.#unschedulable) this.#reconsider(queued, event);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#popper?.(undefined);
    this.#popper = undefined;
  }

  #reconsider(queued: QueuedPod, event: ClusterEvent): void {
    if (this.#deps.mayHelp(queued, event)) this.#backOff(queued);
  }

  /** To active, by way of what is left of its back-off. */
  #backOff(queued: QueuedPod): void {
    const until = queued.since + backoffMs(queued.attempts);
    if (until <= this.#deps.clock.monotonic()) {
      this.#activate(queued);
      return;
    }
    this.#move(queued, "backoff");
    this.#wait(queued, until);
  }

  #activate(queued: QueuedPod): void {
    if (this.#popper !== undefined) {
      const popper = this.#popper;
      this.#popper = undefined;
      this.#move(queued, "out");
      popper(queued);
      return;
    }
    this.#move(queued, "active");
    this.#active.push({ queued, serial: queued.serial, key: this.#deps.clock.monotonic() });
  }

  /** Makes every entry of a heap that still names the pod stale. */
  #move(queued: QueuedPod, place: Place): void {
    if (queued.place === "unschedulable") this.#unschedulable.delete(queued);
    if (place === "unschedulable") this.#unschedulable.add(queued);
    queued.place = place;
    this.#serial += 1;
    queued.serial = this.#serial;
  }

  #wait(queued: QueuedPod, until: number): void {
    this.#timed.push({ queued, serial: queued.serial, key: until });
    this.#arm();
  }

  #arm(): void {
    let next = this.#timed.peek();
    while (next !== undefined && next.serial !== next.queued.serial) {
      this.#timed.pop();
      next = this.#timed.peek();
    }
    if (next === undefined || this.#isClosed) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      return;
    }
    if (this.#cancelTimer !== undefined && this.#timerAt <= next.key) return;
    this.#cancelTimer?.();
    this.#timerAt = next.key;
    this.#cancelTimer = this.#deps.clock.after(next.key - this.#deps.clock.monotonic(), () => {
      this.#cancelTimer = undefined;
      this.#release();
    });
  }

  #release(): void {
    const now = this.#deps.clock.monotonic();
    for (let next = this.#timed.peek(); next !== undefined && next.key <= now; next = this.#timed.peek()) {
      this.#timed.pop();
      if (next.serial === next.queued.serial) this.#activate(next.queued);
    }
    this.#arm();
  }
}

const isGated = (pod: Pod): boolean => (pod.spec?.schedulingGates ?? []).length > 0;

/** 1 s after the first failure, doubling up to 10 s. */
export function backoffMs(attempts: number): number {
  return attempts === 0 ? 0 : Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(attempts - 1, 10));
}
