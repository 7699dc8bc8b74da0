/**
 * Removes pods that no kubelet will: of nodes that are gone or out of service, deleted before they had a node, and
 * the oldest of very many that are over. Upstream looks every 20 seconds; this one when something happens.
 * upstream: pkg/controller/podgc/gc_controller.go
 */
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { keyOf } from "#api/meta/object.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { nodes, pods } from "#api/resources.ts";
import { toRfc3339 } from "#base/clock.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { podsByNode, podsOn } from "../pods/by-node.ts";
import { isTerminal } from "../pods/pod-state.ts";
import { judge, surplus, terminatedMax } from "./plan.ts";

const workers = 4;
/** Upstream's quarantine: a node may be registered again under its name. */
const quarantineMs = 40_000;
/** Not a pod's key, which has a slash. */
const terminatedKey = "terminated";
/** Pods that are over come in crowds; they are counted once per crowd. */
const countAfterMs = 20_000;

const conditions = {
  "node-gone": { reason: "DeletionByPodGC", message: "PodGC: node no longer exists" },
  "out-of-service": {
    reason: "DeletionByPodGC",
    message: "PodGC: deleting pod on out-of-service node",
  },
} as const;

export function podGcController(context: ControllerContext): Controller {
  const controller = new PodGcController(context);
  return queueController(controller.queue, workers, (key) => controller.sync(key));
}

class PodGcController {
  readonly queue: RateLimitedQueue;
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  /** Nodes that pods name and that aren't there: since when, monotonic. */
  readonly #goneSince = new Map<string, number>();

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.queue = new RateLimitedQueue({ name: "podgc" }, context);
    this.#nodes = informers.informer(nodes);
    this.#pods = podsByNode(informers);
    this.#pods.addHandler({
      add: (pod) => {
        this.#seen(pod, false);
      },
      update: (pod, old) => {
        this.#seen(pod, isTerminal(old));
      },
    });
    this.#nodes.addHandler({
      add: ({ metadata }) => this.#goneSince.delete(metadata?.name ?? ""),
      update: (node, old) => {
        // Taints of this kind are rare, and so is losing readiness.
        const isNews = node.spec?.taints !== undefined || old.spec?.taints !== undefined;
        if (isNews) this.#wakePods(node);
      },
      delete: (node) => {
        this.#wakePods(node);
      },
    });
  }

  #seen(pod: Pod, wasOver: boolean): void {
    if (isTerminal(pod) && !wasOver && this.#pods.lister.size > terminatedMax) {
      this.queue.addAfter(terminatedKey, countAfterMs);
    }
    const node = pod.spec?.nodeName ?? "";
    const isOfInterest =
      pod.metadata?.deletionTimestamp !== undefined ||
      (node !== "" && this.#nodes.lister.get(node) === undefined);
    if (isOfInterest) this.queue.add(keyOf(pod));
  }

  #wakePods({ metadata }: Node): void {
    for (const pod of podsOn(this.#pods, metadata?.name ?? "")) this.queue.add(keyOf(pod));
  }

  async sync(key: string): Promise<void> {
    if (key === terminatedKey) {
      for (const pod of surplus(this.#pods.lister.list(), terminatedMax)) await this.#remove(pod);
      return;
    }
    const pod = this.#pods.lister.get(key);
    if (pod === undefined) return;
    const nodeName = pod.spec?.nodeName ?? "";
    const verdict = judge(pod, this.#nodes.lister.get(nodeName));
    switch (verdict) {
      case "stays":
        return;
      case "never-scheduled":
        await this.#remove(pod);
        return;
      case "out-of-service":
        await this.#remove(pod, conditions[verdict]);
        return;
      case "node-gone": {
        const leftMs = this.#quarantineLeft(nodeName);
        if (leftMs > 0) this.queue.addAfter(key, leftMs);
        else if (!(await this.#exists(nodeName))) await this.#remove(pod, conditions[verdict]);
      }
    }
  }

  #quarantineLeft(node: string): number {
    const now = this.#context.clock.monotonic();
    const since = this.#goneSince.get(node) ?? now;
    this.#goneSince.set(node, since);
    return since + quarantineMs - now;
  }

  async #exists(node: string): Promise<boolean> {
    try {
      await this.#context.client.resource(nodes).get(node);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Says first that it failed, so that its controller counts it so, then removes it without waiting for a kubelet. */
  async #remove(pod: Pod, why?: { readonly reason: string; readonly message: string }): Promise<void> {
    const { client, clock, log } = this.#context;
    const { namespace = "", name = "", uid } = pod.metadata ?? {};
    const objects = client.resource(pods, namespace);
    const lastTransitionTime = toRfc3339(clock.now());
    const condition = { type: "DisruptionTarget", status: "True", lastTransitionTime, ...why };
    log.info("pod removed", { pod: keyOf(pod), reason: why?.message ?? "" });
    try {
      if (!isTerminal(pod)) {
        const status = { phase: "Failed", ...(why === undefined ? {} : { conditions: [condition] }) };
        await objects.patch(name, "strategic", { metadata: { uid }, status }, { subresource: "status" });
      }
      await objects.delete(name, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      // Gone, or a namesake took its place.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
