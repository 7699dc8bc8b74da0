/**
 * Deletes pods from nodes whose NoExecute taints they don't tolerate, or no longer.
 * upstream: pkg/controller/tainteviction/taint_eviction.go
 */
import type { Node, Pod, Taint } from "#api/generated/types/core-v1.ts";
import { keyOf } from "#api/meta/object.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { nodes, pods } from "#api/resources.ts";
import { toRfc3339 } from "#base/clock.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { podsByNode, podsOn } from "../pods/by-node.ts";
import { noExecuteTaints, toleratedMs } from "../pods/tolerations.ts";

const workers = 8;
const reason = "TaintManagerEviction";

export function taintEvictionController(context: ControllerContext): Controller {
  const controller = new TaintEvictionController(context);
  return queueController(controller.queue, workers, (key) => controller.sync(key));
}

class TaintEvictionController {
  readonly queue: RateLimitedQueue;
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  /** Pods that are tolerated for a while: since when, monotonic. */
  readonly #since = new Map<string, number>();

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.queue = new RateLimitedQueue({ name: "taint-eviction" }, context);
    this.#nodes = informers.informer(nodes);
    this.#pods = podsByNode(informers);
    this.#pods.addHandler({
      add: (pod) => {
        this.#podSeen(pod);
      },
      update: (pod, old) => {
        const isSame =
          pod.spec?.nodeName === old.spec?.nodeName &&
          pod.spec?.tolerations?.length === old.spec?.tolerations?.length;
        if (!isSame) this.#podSeen(pod);
      },
      delete: (pod) => {
        this.#since.delete(keyOf(pod));
      },
    });
    this.#nodes.addHandler({
      add: (node) => {
        if (noExecuteTaints(node.spec?.taints).length > 0) this.#wakePods(node);
      },
      update: (node, old) => {
        if (taintsText(node) !== taintsText(old)) this.#wakePods(node);
      },
      delete: (node) => {
        this.#wakePods(node);
      },
    });
  }

  #podSeen(pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined || this.#taintsFor(pod).length === 0) return;
    this.queue.add(keyOf(pod));
  }

  #wakePods({ metadata }: Node): void {
    for (const pod of podsOn(this.#pods, metadata?.name ?? "")) this.queue.add(keyOf(pod));
  }

  #taintsFor(pod: Pod): readonly Taint[] {
    return noExecuteTaints(this.#nodes.lister.get(pod.spec?.nodeName ?? "")?.spec?.taints);
  }

  async sync(key: string): Promise<void> {
    const pod = this.#pods.lister.get(key);
    if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) {
      this.#since.delete(key);
      return;
    }
    const taints = this.#taintsFor(pod);
    const ms =
      taints.length === 0 ? Number.POSITIVE_INFINITY : toleratedMs(taints, pod.spec?.tolerations ?? []);
    if (ms === Number.POSITIVE_INFINITY) {
      this.#cancel(pod);
      return;
    }
    const now = this.#context.clock.monotonic();
    const since = this.#since.get(key) ?? now;
    const leftMs = since + ms - now;
    if (leftMs > 0) {
      this.#since.set(key, since);
      this.queue.addAfter(key, leftMs);
      return;
    }
    await this.#evict(pod);
    this.#since.delete(key);
  }

  #cancel(pod: Pod): void {
    const key = keyOf(pod);
    if (!this.#since.delete(key)) return;
    this.#context.events.event(pod, "Normal", reason, `Cancelling deletion of Pod ${key}`);
  }

  async #evict(pod: Pod): Promise<void> {
    const { client, clock, events } = this.#context;
    const { namespace = "", name = "", uid } = pod.metadata ?? {};
    events.event(pod, "Normal", reason, `Marking for deletion Pod ${keyOf(pod)}`);
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
      lastTransitionTime: toRfc3339(clock.now()),
    };
    const objects = client.resource(pods, namespace);
    try {
      const body = { metadata: { uid }, status: { conditions: [condition] } };
      await objects.patch(name, "strategic", body, { subresource: "status" });
      await objects.delete(name, { preconditions: { uid } });
    } catch (error) {
      // Gone, or a namesake took its place: the one that was meant is on the node no more.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

const taintsText = (node: Node): string =>
  noExecuteTaints(node.spec?.taints)
    .map(({ key, value = "" }) => `${key}=${value}`)
    .toSorted()
    .join(",");
