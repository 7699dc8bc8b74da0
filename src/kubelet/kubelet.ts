/**
 * The kubelet: runs the pods that the API assigns to this node.
 *
 * Reading order: `run` below is its life. What a pod goes through is pods/pod-worker.ts; what is decided for it,
 * pods/plan.ts; what is reported of it, status/. Nothing here polls: pods come from an informer, the runtime sends
 * events, probes and back-offs are timers, and one 10 s tick keeps the node's lease.
 * upstream: pkg/kubelet/kubelet.go
 */
import { ChildAbort } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { nodes, pods, services } from "#api/resources.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import { referenceTo, type EventRecorder } from "#client/events/recorder.ts";
import type { ObjectReader } from "./env/environment.ts";
import type { NetworkActions } from "./lifecycle/network-actions.ts";
import type { Machine, MachineFacts } from "./node/machine.ts";
import { NodeAgent } from "./node/node-agent.ts";
import { nodeStatus, type NodeIdentity } from "./node/node-object.ts";
import { RuntimeCache } from "./pleg/runtime-cache.ts";
import { followRuntime } from "./pleg/runtime-events.ts";
import { BackoffTable, restartBackoff } from "./pods/backoff-table.ts";
import type { ClusterDns } from "./pods/dns.ts";
import type { PodEvents } from "./pods/events.ts";
import { ImagePolicy } from "./pods/image-policy.ts";
import type { NodeFacts } from "./pods/node-facts.ts";
import { containerFieldPath, podUid } from "./pods/pod.ts";
import type { PodHost } from "./pods/pod-host.ts";
import { PodChanges } from "./pods/pod-changes.ts";
import { PodWorkers } from "./pods/pod-workers.ts";
import { createGrpcHealth } from "./probes/grpc-health.ts";
import { ProbeManager } from "./probes/probe-manager.ts";
import { keepLogsSmall } from "./logs/log-housekeeping.ts";
import type { LogRotationOptions } from "./logs/log-rotation.ts";
import type { KubeletView } from "./server/kubelet-view.ts";
import type { Runtime, RuntimeEvent } from "./runtime/runtime.ts";
import { StatusManager } from "./status/status-manager.ts";

export interface KubeletIdentity extends NodeIdentity {
  /** Marks sandboxes as this kubelet's. */
  readonly kubeletRoot: string;
  readonly clusterDns: ClusterDns;
}

/** What pods refer to: watched on real nodes, asked for once on simulated ones. */
export interface References extends ObjectReader {
  acquire(pod: Pod): void;
  release(uid: string): void;
}

export interface KubeletParts {
  readonly client: Client;
  readonly runtime: Runtime;
  /** Real ones read what pods refer to. */
  readonly host: PodHost | ((objects: ObjectReader) => PodHost);
  readonly machine: Machine;
  readonly network: NetworkActions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  /** Simulated nodes don't tell every step of every pod. */
  readonly quietEvents: boolean;
  /** Handed in when several kubelets share this process: what isn't about one node is watched once. */
  readonly sharedInformers: InformerFactory | undefined;
  readonly references: (onChange: (uid: string) => void, lifetime: AbortSignal) => References;
  readonly logRotation: LogRotationOptions;
  /** Serves the kubelet's API until the signal aborts. */
  readonly serve: ((view: KubeletView, signal: AbortSignal) => Promise<void>) | undefined;
}

const connectRetry = { initialMs: 100, maxMs: 5000, factor: 2, jitter: 0.2 };

export class Kubelet {
  readonly #identity: KubeletIdentity;
  readonly #parts: KubeletParts;

  constructor(identity: KubeletIdentity, parts: KubeletParts) {
    this.#identity = identity;
    this.#parts = parts;
  }

  /** Runs until `outer` aborts. Pods go on running: the next kubelet finds and keeps them. */
  async run(outer: AbortSignal, ready: () => void): Promise<void> {
    // When one part fails, the others must not live on without it.
    using life = new ChildAbort(outer);
    const { signal } = life;
    const { runtime, clock, random, log } = this.#parts;
    const cache = new RuntimeCache({ kubeletRoot: this.#identity.kubeletRoot }, runtime);
    const { facts, runtimeName } = await this.#connect(cache, signal);
    await using stack = new AsyncDisposableStack();
    const setup = this.#assemble(cache, this.#nodeFacts(facts, runtimeName), signal);
    stack.defer(async () => {
      setup.probes.close();
      setup.status.close();
      await setup.host.close();
    });
    const informers = this.#informers(setup, signal);
    await setup.agent.register(signal);
    await informers.sync();
    informers.follow();
    await this.#adoptOrphans(setup);

    const running = [
      setup.agent.run(signal),
      followRuntime(
        {
          runtime,
          cache,
          clock,
          log,
          backoff: new Backoff(connectRetry, random),
          onEvent: (event) => {
            onRuntimeEvent(event, setup);
          },
          onChange: (uid) => {
            if (setup.workers.has(uid)) setup.workers.wake(uid);
            else setup.workers.adopt(uid);
          },
        },
        signal,
      ),
    ];
    const { serve, logRotation } = this.#parts;
    running.push(keepLogsSmall(logRotation, { runtime, cache, clock, log }, signal));
    if (serve !== undefined) running.push(serve(viewOf(setup), signal));
    ready();
    await Promise.all(running);
  }

  /** Waits for the runtime: nothing can be decided before we know what runs already. */
  async #connect(
    cache: RuntimeCache,
    signal: AbortSignal,
  ): Promise<{ readonly facts: MachineFacts; readonly runtimeName: string }> {
    const { runtime, clock, random, log, machine } = this.#parts;
    const backoff = new Backoff(connectRetry, random);
    for (;;) {
      try {
        const { name: runtimeName } = await runtime.version();
        await cache.relist();
        return { facts: await machine.facts(), runtimeName };
      } catch (error) {
        signal.throwIfAborted();
        log.warn("container runtime doesn't answer", { error });
        await clock.sleep(backoff.next(), signal);
      }
    }
  }

  #assemble(cache: RuntimeCache, node: NodeFacts, lifetime: AbortSignal): Setup {
    const parts = this.#parts;
    const { client, runtime, clock, random, log } = parts;
    const events = podEvents(parts.recorder, parts.quietEvents);
    const status = new StatusManager({ client, clock, random, log });
    const probes = new ProbeManager({
      runtime,
      network: parts.network,
      grpc: createGrpcHealth(clock),
      clock,
      events,
      hostIPs: node.hostIPs,
      onVerdict: (uid) => {
        workers.wake(uid);
      },
    });
    const agent = new NodeAgent(this.#identity, {
      client,
      runtime,
      machine: parts.machine,
      clock,
      random,
      log,
      record: (about, reason, message) => {
        parts.recorder.event(referenceTo(about, "Node"), "Normal", reason, message);
      },
      onRuntimeChange: () => {
        workers.wakeAll();
      },
    });
    const references = parts.references((uid) => {
      workers.refreshVolumes(uid);
    }, lifetime);
    const sharedInformers = parts.sharedInformers ?? createInformerFactory({ client, clock, random, log });
    const host = typeof parts.host === "function" ? parts.host(references) : parts.host;
    const serviceLister = sharedInformers.informer(services).lister;
    const workers = new PodWorkers({
      client,
      runtime,
      host,
      cache,
      images: new ImagePolicy({
        runtime,
        clock,
        events,
        lifetime,
        backoff: new BackoffTable(restartBackoff, clock),
      }),
      objects: references,
      references,
      node,
      services: () => serviceLister.list(),
      backoff: new BackoffTable(restartBackoff, clock),
      network: parts.network,
      clock,
      random,
      events,
      log,
      lifetime,
      status,
      probes,
      networkProblem: () => agent.networkProblem,
      ownNode: () => agent.node,
    });
    return { cache, host, status, probes, agent, workers, sharedInformers, changes: new PodChanges() };
  }

  #nodeFacts(facts: MachineFacts, runtimeName: string): NodeFacts {
    const { name, ips, clusterDns, kubeletRoot } = this.#identity;
    const runtime = { name: "", version: "" };
    const { allocatable = {} } = nodeStatus({ identity: this.#identity, facts, images: [], runtime });
    return {
      name,
      hostIPs: ips,
      allocatable,
      memoryCapacityBytes: Number(facts.memoryBytes),
      oomScoreMin: facts.oomScoreMin,
      clusterDns,
      kubeletRoot,
      runtimeName,
    };
  }

  #informers(setup: Setup, signal: AbortSignal): { sync(): Promise<void>; follow(): void } {
    const { client, clock, random, log } = this.#parts;
    const own = createInformerFactory({ client, clock, random, log });
    const ownPods = own.informer(pods, { fieldSelector: `spec.nodeName=${this.#identity.name}` });
    const ownNode = this.#parts.quietEvents
      ? undefined
      : own.informer(nodes, { fieldSelector: `metadata.name=${this.#identity.name}` });
    if (this.#parts.sharedInformers === undefined) setup.sharedInformers.start(signal);
    own.start(signal);
    return {
      sync: async () => {
        await Promise.all([own.waitForSync(signal), setup.sharedInformers.waitForSync(signal)]);
      },
      follow: () => {
        ownNode?.addHandler({
          add: (node) => {
            setup.agent.observe(node);
          },
          update: (node) => {
            setup.agent.observe(node);
          },
        });
        ownPods.addHandler({
          add: (pod) => {
            setup.workers.update(pod);
          },
          update: (pod, old) => {
            if (podUid(pod) !== podUid(old)) setup.workers.gone(old);
            setup.workers.update(pod);
          },
          delete: (pod) => {
            setup.workers.gone(pod);
          },
        });
      },
    };
  }

  /** What the runtime or the disk still has of pods that left the API while nobody looked. */
  async #adoptOrphans({ cache, host, workers }: Setup): Promise<void> {
    for (const uid of [...cache.uids(), ...(await host.knownUids())]) {
      if (!workers.has(uid)) workers.adopt(uid);
    }
  }
}

interface Setup {
  readonly cache: RuntimeCache;
  readonly host: PodHost;
  readonly status: StatusManager;
  readonly probes: ProbeManager;
  readonly agent: NodeAgent;
  readonly workers: PodWorkers;
  readonly sharedInformers: InformerFactory;
  readonly changes: PodChanges;
}

function onRuntimeEvent({ podUid: uid, sandboxId, containerId }: RuntimeEvent, setup: Setup): void {
  if (!setup.workers.has(uid)) return; // another kubelet's, or what we have just removed
  setup.cache.note(uid, { sandboxId, containerId });
  setup.workers.wake(uid);
  setup.changes.tell(uid);
}

function viewOf({ workers, cache, status, agent, changes }: Setup): KubeletView {
  return {
    pods: () => workers.list().map((pod) => ({ ...pod, status: status.last(pod) })),
    runtimeOf: (uid) => cache.read(uid),
    node: () => agent.node,
    onPodChange: (uid, handle) => changes.listen(uid, handle),
  };
}

function podEvents(recorder: EventRecorder, isQuiet: boolean): PodEvents {
  return {
    record: (pod, { type, reason, message, container }) => {
      if (isQuiet && type === "Normal") return;
      const about = referenceTo(pod, "Pod");
      const target =
        container === undefined ? about : { ...about, fieldPath: containerFieldPath(pod, container) };
      recorder.event(target, type, reason, message);
    },
  };
}
