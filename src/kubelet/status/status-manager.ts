/**
 * Brings pod statuses to the API. Workers say what holds; the manager sends the newest, one request per pod at a time,
 * only what differs, again after failures, and again when somebody else overwrote it.
 * upstream: pkg/kubelet/status/status_manager.go
 */
import { Backoff, type BackoffOptions } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Pod, PodStatus } from "#api/generated/types/core-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { pods } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { podName, podNamespace, podText, podUid } from "../pods/pod.ts";
import { statusPatch } from "./status-patch.ts";

export interface StatusManagerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Entry {
  pod: Pod;
  /** What the API has, as far as we know. */
  api: PodStatus | undefined;
  apiVersion: bigint;
  wanted: PodStatus | undefined;
  isSending: boolean;
  isGone: boolean;
  readonly backoff: Backoff;
  cancelRetry: () => void;
  cancelSoon: (() => void) | undefined;
  waiting: (() => void)[];
}

const retry: BackoffOptions = { initialMs: 200, maxMs: 10_000, factor: 2, jitter: 0.2 };

/** A pod whose image is there starts within this. */
const soonMs = 150;

const versionOf = (pod: Pod): bigint => BigInt(pod.metadata?.resourceVersion ?? "0");

export class StatusManager {
  readonly #deps: StatusManagerDeps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: StatusManagerDeps) {
    this.#deps = deps;
  }

  /** What was said last, or what the API said before we knew better. */
  last(pod: Pod): PodStatus {
    return this.#entries.get(podUid(pod))?.wanted ?? pod.status ?? {};
  }

  /**
   * "soon": nobody waits for it, and more is likely to follow at once. A pod that starts quickly is written once,
   * not at every step.
   */
  set(pod: Pod, status: PodStatus, urgency: "now" | "soon" = "now"): void {
    const entry = this.#entry(pod);
    entry.wanted = status;
    if (urgency === "now") this.#send(entry);
    else {
      entry.cancelSoon ??= this.#deps.clock.after(soonMs, () => {
        entry.cancelSoon = undefined;
        this.#send(entry);
      });
    }
  }

  /** The API's view of the pod changed. */
  observe(pod: Pod): void {
    const entry = this.#entries.get(podUid(pod));
    if (entry === undefined) return;
    entry.pod = pod;
    if (versionOf(pod) <= entry.apiVersion) return;
    entry.api = pod.status;
    entry.apiVersion = versionOf(pod);
    if (entry.wanted !== undefined) this.#send(entry);
  }

  /** Resolves when the API has everything that was set, or when the pod is gone from it. */
  async synced(pod: Pod): Promise<void> {
    const entry = this.#entries.get(podUid(pod));
    if (entry === undefined) return;
    this.#send(entry);
    while (!entry.isGone && entry.wanted !== undefined && this.#diff(entry) !== undefined) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      entry.waiting.push(() => {
        resolve(undefined);
      });
      await promise;
    }
  }

  forget(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.isGone = true;
    entry.cancelRetry();
    entry.cancelSoon?.();
    this.#entries.delete(uid);
    wakeAll(entry);
  }

  close(): void {
    for (const uid of this.#entries.keys()) this.forget(uid);
  }

  #entry(pod: Pod): Entry {
    let entry = this.#entries.get(podUid(pod));
    if (entry === undefined) {
      entry = {
        pod,
        api: pod.status,
        apiVersion: versionOf(pod),
        wanted: undefined,
        isSending: false,
        isGone: false,
        backoff: new Backoff(retry, this.#deps.random),
        cancelRetry: () => undefined,
        cancelSoon: undefined,
        waiting: [],
      };
      this.#entries.set(podUid(pod), entry);
    }
    return entry;
  }

  #diff({ api, wanted }: Entry): Record<string, unknown> | undefined {
    return wanted === undefined ? undefined : statusPatch(api, wanted);
  }

  #send(entry: Entry): void {
    if (entry.isSending || entry.isGone) return;
    const patch = this.#diff(entry);
    if (patch === undefined) {
      wakeAll(entry);
      return;
    }
    entry.cancelSoon?.();
    entry.cancelSoon = undefined;
    entry.isSending = true;
    entry.cancelRetry();
    this.#patch(entry, entry.wanted ?? {}, patch).then(
      () => {
        entry.isSending = false;
        entry.backoff.reset();
        wakeAll(entry);
        this.#send(entry);
      },
      (error: unknown) => {
        entry.isSending = false;
        void this.#onFailure(entry, error);
      },
    );
  }

  async #patch(entry: Entry, sent: PodStatus, status: Record<string, unknown>): Promise<void> {
    const { pod } = entry;
    const client = this.#deps.client.resource(pods, podNamespace(pod));
    const body = { metadata: { uid: podUid(pod) }, status };
    const result = await client.patch(podName(pod), "strategic", body, { subresource: "status" });
    if (versionOf(result) < entry.apiVersion) return;
    entry.apiVersion = versionOf(result);
    // A server that stores less than was sent (unknown fields) must not make us send for ever.
    entry.api =
      statusPatch(result.status, sent) === undefined
        ? result.status
        : { ...result.status, ...sent, conditions: mergedConditions(result.status, sent) };
  }

  async #onFailure(entry: Entry, error: unknown): Promise<void> {
    if (isNotFound(error) || (isConflict(error) && (await this.#wasReplaced(entry)))) {
      entry.isGone = true;
      wakeAll(entry);
      return;
    }
    if (entry.isGone) return;
    this.#deps.log.warn("pod status not sent", { pod: podText(entry.pod), error });
    entry.cancelRetry = this.#deps.clock.after(entry.backoff.next(), () => {
      this.#send(entry);
    });
  }

  /** A conflict means another pod of that name when its uid differs from the one in the patch. */
  async #wasReplaced({ pod }: Entry): Promise<boolean> {
    try {
      const now = await this.#deps.client.resource(pods, podNamespace(pod)).get(podName(pod));
      return podUid(now) !== podUid(pod);
    } catch (error) {
      return isNotFound(error);
    }
  }
}

function wakeAll(entry: Entry): void {
  const { waiting } = entry;
  entry.waiting = [];
  for (const wake of waiting) wake();
}

function mergedConditions(
  api: PodStatus | undefined,
  wanted: PodStatus,
): NonNullable<PodStatus["conditions"]> {
  const ours = wanted.conditions ?? [];
  const others = (api?.conditions ?? []).filter(({ type }) => !ours.some((one) => one.type === type));
  return [...ours, ...others];
}
