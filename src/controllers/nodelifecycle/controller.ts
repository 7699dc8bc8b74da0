/**
 * Notices nodes that have fallen silent, says so in their conditions and taints, and takes it back when they return.
 * upstream: pkg/controller/nodelifecycle/node_lifecycle_controller.go
 */
import type { Lease } from "#api/generated/types/coordination-v1.ts";
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { leases, nodes, pods } from "#api/resources.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { nodeReference, podsByNode, podsOn } from "../pods/by-node.ts";
import { isReady } from "../pods/pod-state.ts";
import { evictionTaint, hasEvictionTaint, readyStatus, silentConditions, wantedTaints } from "./health.ts";
import { zoneOf, Zones } from "./zones.ts";

const workers = 8;
const leaseNamespace = "kube-node-lease";
/** A node that never said anything gets this long; upstream's --node-startup-grace-period. */
const startupGraceMs = 60_000;

interface Health {
  /** The last sign of life, monotonic. */
  heartbeatAt: number;
  /** No timer runs for it: the next sign of life has to start one. */
  isSilent: boolean;
}

export function nodeLifecycleController(context: ControllerContext): Controller {
  const controller = new NodeLifecycleController(context);
  return queueController(controller.queue, workers, (name) => controller.sync(name));
}

class NodeLifecycleController {
  readonly queue: RateLimitedQueue;
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #health = new Map<string, Health>();
  readonly #zones = new Zones();
  #wasAllLost = false;

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.queue = new RateLimitedQueue({ name: "nodelifecycle" }, context);
    this.#nodes = informers.informer(nodes);
    this.#pods = podsByNode(informers);
    const leaseInformer = informers.informer(leases, { namespace: leaseNamespace });
    this.#nodes.addHandler({
      add: (node) => {
        this.#added(node);
      },
      update: (node, old) => {
        this.#updated(node, old);
      },
      delete: (node) => {
        this.#removed(node);
      },
    });
    leaseInformer.addHandler({
      update: (lease, old) => {
        this.#renewed(lease, old);
      },
    });
    const podSeen = (pod: Pod): void => {
      const node = pod.spec?.nodeName ?? "";
      if (node === "" || !isReady(pod)) return;
      const known = this.#nodes.lister.get(node);
      if (known !== undefined && readyStatus(known) === "Unknown") this.queue.add(node);
    };
    this.#pods.addHandler({ add: podSeen, update: podSeen });
  }

  #added(node: Node): void {
    const name = node.metadata?.name ?? "";
    const { clock, events } = this.#context;
    // Silent since before our time, as far as we know; a node that never spoke is as old as it is.
    const age =
      readyStatus(node) === undefined
        ? Math.max(0, clock.now() - parseTime(node.metadata?.creationTimestamp ?? ""))
        : 0;
    const heartbeatAt = clock.monotonic() - (Number.isNaN(age) ? 0 : age);
    this.#health.set(name, { heartbeatAt, isSilent: false });
    events.event(
      nodeReference(node),
      "Normal",
      "RegisteredNode",
      `Node ${name} event: Registered Node ${name} in Controller`,
    );
    this.#recount();
    this.queue.add(name);
  }

  #updated(node: Node, old: Node): void {
    if (signOfLife(node) !== signOfLife(old)) this.#heartbeat(node.metadata?.name ?? "");
    if (readyStatus(node) !== readyStatus(old) || zoneOf(node) !== zoneOf(old)) this.#recount();
    this.queue.add(node.metadata?.name ?? "");
  }

  #removed(node: Node): void {
    const name = node.metadata?.name ?? "";
    this.#health.delete(name);
    const message = `Node ${name} event: Removing Node ${name} from Controller`;
    this.#context.events.event(nodeReference(node), "Normal", "RemovingNode", message);
    this.#recount();
  }

  #renewed({ metadata, spec }: Lease, old: Lease): void {
    if (spec?.renewTime !== old.spec?.renewTime) this.#heartbeat(metadata?.name ?? "");
  }

  #heartbeat(name: string): void {
    const health = this.#health.get(name);
    if (health === undefined) return;
    health.heartbeatAt = this.#context.clock.monotonic();
    if (!health.isSilent) return;
    health.isSilent = false;
    this.queue.add(name);
  }

  /** All nodes depend on whether every one of them is lost. */
  #recount(): void {
    const all = this.#nodes.lister.list();
    this.#zones.observe(all);
    if (this.#zones.isAllLost === this.#wasAllLost) return;
    this.#wasAllLost = this.#zones.isAllLost;
    this.#context.log.warn(
      this.#wasAllLost
        ? "no node is ready: nothing is evicted"
        : "a node is ready again: evictions may go on",
    );
    for (const { metadata } of all) this.queue.add(metadata?.name ?? "");
  }

  async sync(name: string): Promise<void> {
    const cached = this.#nodes.lister.get(name);
    const health = this.#health.get(name);
    if (cached === undefined || health === undefined) return;
    try {
      const node = await this.#judge(cached, health);
      await this.#taint(node);
      if (readyStatus(node) === "Unknown") await this.#markPodsNotReady(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Writes the silence into the conditions once it has lasted too long. Answers the node as it is then. */
  async #judge(node: Node, health: Health): Promise<Node> {
    const { clock, client, events, options } = this.#context;
    const name = node.metadata?.name ?? "";
    const graceMs = readyStatus(node) === undefined ? startupGraceMs : options.nodeMonitorGraceMs;
    const leftMs = health.heartbeatAt + graceMs - clock.monotonic();
    if (leftMs > 0) {
      this.queue.addAfter(name, leftMs);
      return node;
    }
    const conditions = silentConditions(node, clock.now());
    health.isSilent = true;
    if (conditions === undefined) return node;
    const silent = await client
      .resource(nodes)
      .updateStatus({ ...node, status: { ...node.status, conditions } });
    if (readyStatus(node) === "True") {
      const message = `Node ${name} status is now: NodeNotReady`;
      events.event(nodeReference(node), "Normal", "NodeNotReady", message);
    }
    return silent;
  }

  async #taint(node: Node): Promise<void> {
    const { client, clock } = this.#context;
    const name = node.metadata?.name ?? "";
    const taints = wantedTaints(node, this.#evictBy(node), clock.now());
    if (taints === undefined) return;
    const { resourceVersion } = node.metadata ?? {};
    await client.resource(nodes).patch(name, "merge", {
      metadata: { resourceVersion },
      spec: { taints: taints.length > 0 ? taints : null },
    });
  }

  /** Undefined also while it isn't this node's turn. */
  #evictBy(node: Node): string | undefined {
    const wanted = evictionTaint(node);
    if (wanted === undefined || this.#zones.isAllLost) return undefined;
    // It has one already, this or the other: what is wrong with it may change at any time.
    if (hasEvictionTaint(node)) return wanted;
    const waitMs = this.#zones.turn(zoneOf(node), this.#context.clock.monotonic());
    if (waitMs === 0) return wanted;
    this.queue.addAfter(
      node.metadata?.name ?? "",
      Math.min(waitMs, this.#context.options.nodeMonitorGraceMs),
    );
    return undefined;
  }

  /** A silent kubelet can't say it itself: services must not send anybody there. */
  async #markPodsNotReady(node: string): Promise<void> {
    const { client, clock, events } = this.#context;
    for (const pod of podsOn(this.#pods, node).filter(isReady)) {
      const { namespace = "", name = "", uid } = pod.metadata ?? {};
      const condition = { type: "Ready", status: "False", lastTransitionTime: toRfc3339(clock.now()) };
      events.event(pod, "Warning", "NodeNotReady", "Node is not ready");
      try {
        await client
          .resource(pods, namespace)
          .patch(
            name,
            "strategic",
            { metadata: { uid }, status: { conditions: [condition] } },
            { subresource: "status" },
          );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }
}

/** Changes whenever the kubelet has written the node's status. */
function signOfLife(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined ? "" : (ready.lastHeartbeatTime ?? "");
}
