/** A kubelet on a simulated node: fake API, fake runtime, manual clock. For the tests of this room. */
import assert from "node:assert/strict";
import { ManualClock, settle, toRfc3339 } from "#base/clock.ts";
import { silentLogger, type Logger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Container, Node, Pod } from "#api/generated/types/core-v1.ts";
import { nodes, pods } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import type { EventRecorder } from "#client/events/recorder.ts";
import { createFakeClient, type FakeApi } from "#client/testing/fake-transport.ts";
import { SimulatedPodHost } from "../host/simulated.ts";
import { Kubelet, type KubeletParts } from "../kubelet.ts";
import { simulatedNetworkActions } from "../lifecycle/network-actions.ts";
import { logRotationDefaults } from "../logs/log-rotation.ts";
import { SimulatedMachine } from "../node/machine.ts";
import { DirectReferences } from "../references/direct-references.ts";
import { FakeRuntime, type FakeRuntimeOptions } from "../runtime/fake.ts";

export interface RecordedEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly fieldPath: string | undefined;
}

export interface HarnessOptions {
  readonly runtime?: Partial<FakeRuntimeOptions>;
  readonly parts?: Partial<KubeletParts>;
  readonly objects?: readonly AnyObject[];
}

const held = "test.mini-k8s.io/held";
const settleRounds = 60;

export class Harness implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly random = new SeededRandom(7);
  readonly client: Client;
  readonly api: FakeApi;
  readonly runtime: FakeRuntime;
  readonly events: RecordedEvent[] = [];
  readonly log: Logger = silentLogger;
  readonly #options: HarnessOptions;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: HarnessOptions = {}) {
    this.#options = options;
    const { client, api } = createFakeClient({ clock: this.clock, objects: options.objects ?? [] });
    this.client = client;
    this.api = api;
    this.runtime = new FakeRuntime(
      { logs: "none", ...options.runtime },
      { clock: this.clock, random: this.random },
    );
    // The fake API deletes at once: the grace period of pods is played here.
    api.intercept((request) => {
      const [, namespace, name] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/.exec(request.path) ?? [];
      if (request.method !== "DELETE" || namespace === undefined || name === undefined) return undefined;
      const pod = this.#stored(namespace, name);
      if (pod?.metadata?.finalizers?.includes(held) === true) {
        this.#put({ ...pod, metadata: { ...pod.metadata, finalizers: [] } });
      }
      return undefined;
    });
  }

  async start(): Promise<void> {
    this.#stop = new AbortController();
    const recorder: EventRecorder = {
      event: (about, type, reason, message) => {
        const fieldPath = "fieldPath" in about ? about.fieldPath : undefined;
        this.events.push({ type, reason, message, fieldPath });
      },
    };
    const kubelet = new Kubelet(
      {
        name: "node-a",
        ips: ["192.168.1.10"],
        labels: {},
        taints: [],
        kubeletPort: 10250,
        podsMax: 110,
        kubeletRoot: "test",
        clusterDns: { servers: ["10.43.0.10"], domain: "cluster.local" },
      },
      {
        client: this.client,
        runtime: this.runtime,
        host: new SimulatedPodHost(""),
        machine: new SimulatedMachine(),
        network: simulatedNetworkActions,
        clock: this.clock,
        random: this.random,
        log: this.log,
        recorder,
        quietEvents: false,
        sharedInformers: undefined,
        references: () => new DirectReferences(this.client),
        serve: undefined,
        logRotation: logRotationDefaults,
        ...this.#options.parts,
      },
    );
    const ready = Promise.withResolvers<string>();
    this.#done = kubelet.run(this.#stop.signal, () => {
      ready.resolve("ready");
    });
    this.#done.catch(ready.reject);
    const late = this.settle().then(() => "late");
    assert.equal(await Promise.race([ready.promise, late]), "ready");
    await this.settle();
  }

  /** As after kill -9 and a new start: the runtime goes on. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Lets everything that needs no time happen. */
  async settle(): Promise<void> {
    for (let i = 0; i < settleRounds; i++) await settle();
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  async create(pod: Pod): Promise<Pod> {
    await this.client.resource(pods, pod.metadata?.namespace ?? "default").create(pod);
    await this.settle();
    return this.pod(pod.metadata?.name ?? "");
  }

  async pod(name: string): Promise<Pod> {
    return this.client.resource(pods, "default").get(name);
  }

  async node(): Promise<Node> {
    return this.client.resource(nodes).get("node-a");
  }

  isGone(name: string): boolean {
    return this.#stored("default", name) === undefined;
  }

  /** What DELETE does to a pod on a node: marks it. The kubelet's own DELETE removes it. */
  async delete(name: string, deletionGracePeriodSeconds = 30): Promise<void> {
    const pod = this.#stored("default", name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    this.#put({
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: toRfc3339(this.clock.now()),
        deletionGracePeriodSeconds,
        finalizers: [held],
      },
    });
    await this.settle();
  }

  /** Gone at once, as by --force. */
  async forceDelete(name: string): Promise<void> {
    this.api.store.remove("/pods", `default/${name}`);
    await this.settle();
  }

  reasons(): readonly string[] {
    return this.events.map(({ reason }) => reason);
  }

  #stored(namespace: string, name: string): AnyObject | undefined {
    return this.api.store.get("/pods", `${namespace}/${name}`);
  }

  #put(pod: AnyObject): void {
    this.api.store.put("/pods", `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`, pod);
  }
}

/** A pod of one container, assigned to the node. */
export function testPod(
  name: string,
  spec: Partial<Pod["spec"]> = {},
  container: Partial<Container> = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: {
      nodeName: "node-a",
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      containers: [{ name: "main", image: "app:1", imagePullPolicy: "IfNotPresent", ...container }],
      ...spec,
    },
  };
}
