/**
 * The node's presence in the API: registers it, keeps its status true and its lease alive.
 *
 * One timer drives it (10 s, the lease's); the status is computed with it and sent only when something changed, or
 * after 5 minutes. Whoever learns something sooner calls `check`.
 * upstream: pkg/kubelet/kubelet_node_status.go
 */
import { Backoff } from "#base/backoff.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Node, NodeStatus } from "#api/generated/types/core-v1.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { nodes } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import type { ImageInfo, Runtime } from "../runtime/runtime.ts";
import { covers } from "../status/status-patch.ts";
import type { Machine, MachineFacts } from "./machine.ts";
import { networkNotReadyText, nodeVerdicts, withHeartbeat } from "./node-conditions.ts";
import { NodeLease } from "./node-lease.ts";
import { newNode, nodeLabelPatch, nodeStatus, type NodeIdentity } from "./node-object.ts";

export interface NodeAgentDeps {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly record: (node: Node, reason: string, message: string) => void;
  /** The runtime or its network works again, or no longer. */
  readonly onRuntimeChange: () => void;
}

const tickMs = 10_000;
const reportMs = 300_000;
/** upstream's bounds between tries to register. */
const registerRetry = { initialMs: 100, maxMs: 7000, factor: 2, jitter: 0.2 };
/** While the node isn't ready, what keeps it from that is looked at sooner: start-up must not wait for a tick. */
const notReadyRetry = { initialMs: 100, maxMs: 5000, factor: 2, jitter: 0 };

export class NodeAgent {
  readonly #identity: NodeIdentity;
  readonly #deps: NodeAgentDeps;
  readonly #lease: NodeLease;
  readonly #notReady: Backoff;
  #facts: MachineFacts | undefined;
  #version: { readonly name: string; readonly version: string } = { name: "", version: "" };
  #versionIsStale = true;
  /** The last known: a runtime that is away hasn't lost its images. */
  #images: readonly ImageInfo[] = [];
  #networkProblem: string | undefined = "the runtime was not asked yet";
  #runtimeProblem: string | undefined;
  #node: Node | undefined;
  #sent: NodeStatus | undefined;
  #sentAtMs = 0;
  #checking: Promise<void> | undefined;
  #checkAgain = false;
  /** Somebody else says otherwise of this node: silent for too long, it was taken for lost. */
  #isOverruled = false;
  #cancelSoon = (): void => undefined;

  constructor(identity: NodeIdentity, deps: NodeAgentDeps) {
    this.#identity = identity;
    this.#deps = deps;
    this.#lease = new NodeLease(identity.name, deps);
    this.#notReady = new Backoff(notReadyRetry, deps.random);
  }

  /** As the API has it, once registered. */
  get node(): Node | undefined {
    return this.#node;
  }

  /** Why pods can't get a network now, or undefined; in the words of the node's condition. */
  get networkProblem(): string | undefined {
    return this.#networkProblem === undefined ? undefined : networkNotReadyText(this.#networkProblem);
  }

  /** The API's node changed. */
  observe(node: Node): void {
    this.#node = node;
    this.#isOverruled ||= differs(this.#sent, node.status);
    const hasProblem = this.#networkProblem !== undefined || this.#runtimeProblem !== undefined;
    if (hasProblem || this.#isOverruled) this.check();
  }

  /** Resolves when the node is registered. */
  async register(signal: AbortSignal): Promise<void> {
    this.#facts = await this.#deps.machine.facts();
    const backoff = new Backoff(registerRetry, this.#deps.random);
    for (;;) {
      try {
        await this.#registerOnce();
        if (this.#node !== undefined) this.#deps.record(this.#node, "Starting", "Starting kubelet.");
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#deps.log.warn("node not registered", { node: this.#identity.name, error });
        await this.#deps.clock.sleep(backoff.next(), signal);
      }
    }
  }

  /** Keeps lease and status until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        this.check();
        await this.#lease.renew(this.#node);
        await this.#deps.clock.sleep(tickMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#cancelSoon();
    }
  }

  /** Looks at runtime and machine, and reports what changed. */
  check(): void {
    if (this.#checking !== undefined) {
      this.#checkAgain = true;
      return;
    }
    this.#checking = this.#check()
      .catch((error: unknown) => {
        this.#deps.log.warn("node status not sent", { node: this.#identity.name, error });
      })
      .finally(() => {
        this.#checking = undefined;
        if (!this.#checkAgain) return;
        this.#checkAgain = false;
        this.check();
      });
  }

  async #registerOnce(): Promise<void> {
    const { client, clock } = this.#deps;
    const parts = await this.#parts();
    const status = await this.#currentStatus([]);
    const resource = client.resource(nodes);
    try {
      this.#node = await resource.create(newNode(parts, status));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      this.#node = await resource.get(this.#identity.name);
      const patch = nodeLabelPatch(this.#node, parts);
      if (patch !== undefined) this.#node = await resource.patch(this.#identity.name, "merge", patch);
      await this.#send(await this.#currentStatus(this.#node.status?.conditions ?? []));
      return;
    }
    this.#sayConditions(status, {});
    this.#sent = status;
    this.#sentAtMs = clock.now();
  }

  async #parts(): Promise<Parameters<typeof nodeStatus>[0]> {
    const { runtime, machine } = this.#deps;
    this.#facts ??= await machine.facts();
    this.#images = await runtime.listImages().catch(() => this.#images);
    if (this.#versionIsStale) {
      this.#version = await runtime.version().catch(() => this.#version);
      this.#versionIsStale = this.#runtimeProblem !== undefined;
    }
    return { identity: this.#identity, facts: this.#facts, images: this.#images, runtime: this.#version };
  }

  async #currentStatus(old: NonNullable<NodeStatus["conditions"]>): Promise<NodeStatus> {
    const { runtime, machine, clock } = this.#deps;
    const before = `${this.#runtimeProblem ?? ""}\n${this.#networkProblem ?? ""}`;
    try {
      const { runtime: runtimeProblem, network } = await runtime.status();
      // A runtime that comes back may be another version.
      this.#versionIsStale ||= this.#runtimeProblem !== undefined;
      this.#runtimeProblem = runtimeProblem;
      this.#networkProblem = network;
    } catch (error) {
      this.#runtimeProblem = errorText(error);
    }
    if (before !== `${this.#runtimeProblem ?? ""}\n${this.#networkProblem ?? ""}`) {
      this.#deps.onRuntimeChange();
    }
    const verdicts = nodeVerdicts({
      use: await machine.use(),
      runtimeProblem: this.#runtimeProblem,
      networkProblem: this.#networkProblem,
    });
    const status = nodeStatus(await this.#parts());
    return { ...status, conditions: withHeartbeat(verdicts, old, toRfc3339(clock.now())) };
  }

  async #check(): Promise<void> {
    if (this.#node === undefined) return;
    const { clock } = this.#deps;
    const isOverruled = this.#isOverruled;
    const known = isOverruled ? this.#node.status : this.#sent;
    const status = await this.#currentStatus(known?.conditions ?? []);
    const isDue = isOverruled || clock.now() - this.#sentAtMs >= reportMs;
    if (isDue || !covers(withoutHeartbeats(this.#sent ?? {}), withoutHeartbeats(status))) {
      await this.#send(status);
    }
    this.#cancelSoon();
    if (this.#runtimeProblem === undefined && this.#networkProblem === undefined) this.#notReady.reset();
    else {
      this.#cancelSoon = clock.after(this.#notReady.next(), () => {
        this.check();
      });
    }
  }

  async #send(status: NodeStatus): Promise<void> {
    const { client, clock } = this.#deps;
    const name = this.#identity.name;
    this.#sayConditions(status, this.#sent ?? this.#node?.status ?? {});
    // Replaced as a whole: merged by type, a node with two addresses of a type would keep the old ones.
    const addresses = [{ $patch: "replace" }, ...(status.addresses ?? [])];
    const body = { status: { ...status, addresses } };
    try {
      this.#node = await client.resource(nodes).patch(name, "strategic", body, { subresource: "status" });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Somebody deleted the node: a kubelet that lives registers again.
      this.#node = await client.resource(nodes).create(newNode(await this.#parts(), status));
    }
    this.#sent = status;
    this.#sentAtMs = clock.now();
    this.#isOverruled = false;
  }

  /** NodeReady, NodeNotReady, NodeHasDiskPressure and so on. upstream: pkg/kubelet/nodestatus/setters.go */
  #sayConditions(status: NodeStatus, known: NodeStatus): void {
    if (this.#node === undefined) return;
    for (const { type, status: value } of status.conditions ?? []) {
      const before = known.conditions?.find((one) => one.type === type)?.status;
      // Of a new node only the pressures are news: that it isn't ready yet is what everybody expects.
      if (before === value || (before === undefined && type === "Ready")) continue;
      const reason = eventReasons.get(`${type}=${value}`);
      if (reason !== undefined) {
        this.#deps.record(this.#node, reason, `Node ${this.#identity.name} status is now: ${reason}`);
      }
    }
  }
}

/** Whether a condition that we reported says something else by now. */
function differs(sent: NodeStatus | undefined, now: NodeStatus | undefined): boolean {
  return (sent?.conditions ?? []).some(({ type, status }) => {
    const current = now?.conditions?.find((condition) => condition.type === type);
    return current !== undefined && current.status !== status;
  });
}

const eventReasons: ReadonlyMap<string, string> = new Map([
  ["Ready=True", "NodeReady"],
  ["Ready=False", "NodeNotReady"],
  ["MemoryPressure=True", "NodeHasInsufficientMemory"],
  ["MemoryPressure=False", "NodeHasSufficientMemory"],
  ["DiskPressure=True", "NodeHasDiskPressure"],
  ["DiskPressure=False", "NodeHasNoDiskPressure"],
  ["PIDPressure=True", "NodeHasInsufficientPID"],
  ["PIDPressure=False", "NodeHasSufficientPID"],
]);

function withoutHeartbeats(status: NodeStatus): NodeStatus {
  return {
    ...status,
    conditions: (status.conditions ?? []).map((condition) => ({
      ...condition,
      lastHeartbeatTime: undefined,
    })),
  };
}
