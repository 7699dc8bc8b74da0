import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaSet } from "#api/generated/types/apps-v1.ts";
import type { Pod, ReplicationController } from "#api/generated/types/core-v1.ts";
import { pods, replicaSets, replicationControllers } from "#api/resources.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import { createFakeClient, type FakeClient } from "#client/testing/fake-transport.ts";
import { complete } from "../options.ts";
import { planReplicas } from "./plan.ts";
import { replicaSetController, replicationControllerController } from "./controller.ts";

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "web:1" }] } };

function set(replicas: number): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "web", namespace: "default", uid: "set-uid", generation: 1 },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}

interface World extends FakeClient {
  readonly listPods: () => Promise<Pod[]>;
  readonly clock: ManualClock;
}

async function world(
  t: { after(run: () => void | Promise<void>): void },
  objects: (ReplicaSet | ReplicationController | Pod)[],
  factory = replicaSetController,
): Promise<World> {
  const clock = new ManualClock();
  const fake = createFakeClient({ objects, clock });
  const stop = new AbortController();
  const deps = { client: fake.client, clock, random: new SeededRandom(1), log: silentLogger };
  const informers = createInformerFactory(deps);
  const options = complete({
    disable: new Set(),
    clusterCidr: "10.42.0.0/16",
    serviceCidr: "",
    rootCaPem: "x",
  });
  const events = { event: () => undefined };
  const controller = factory({
    ...deps,
    name: "replicaset",
    options,
    informers,
    events,
    loadExpressions: () => assert.fail("no expressions here"),
  });
  informers.start(stop.signal);
  await informers.waitForSync(stop.signal);
  const running = controller.run(stop.signal);
  t.after(async () => {
    stop.abort(new Error("test over"));
    await running;
  });
  await calm();
  return { ...fake, clock, listPods: async () => (await fake.client.resource(pods, "default").list()).items };
}

async function calm(): Promise<void> {
  for (let i = 0; i < 30; i++) await settle();
}

test("makes the pods that are missing, once, and says so in the status", async (t) => {
  const { client, listPods } = await world(t, [set(3)]);
  const made = await listPods();
  assert.equal(made.length, 3);
  assert.deepEqual(made[0]?.metadata?.ownerReferences, [
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web",
      uid: "set-uid",
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  const status = (await client.resource(replicaSets, "default").get("web")).status;
  assert.deepEqual(status, {
    replicas: 3,
    fullyLabeledReplicas: 3,
    terminatingReplicas: 0,
    observedGeneration: 1,
  });
});

const going: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "going",
    namespace: "default",
    uid: "going-uid",
    labels,
    deletionTimestamp: "2026-01-01T00:00:00Z",
    finalizers: ["x/y"],
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "set-uid", controller: true },
    ],
  },
  spec: template.spec,
};

test("pods on their way out are told of, others' and those that are over are not", async (t) => {
  const foreign = { ...going, metadata: { ...going.metadata, name: "foreign", ownerReferences: [] } };
  const over = { ...going, metadata: { ...going.metadata, name: "over" }, status: { phase: "Failed" } };
  const { client } = await world(t, [set(1), going, foreign, over]);
  const sets = client.resource(replicaSets, "default");
  const before = (await sets.get("web")).status;
  assert.deepEqual([before?.replicas, before?.terminatingReplicas], [1, 1]);
  await client.resource(pods, "default").patch("going", "merge", { metadata: { finalizers: null } });
  await calm();
  assert.equal((await sets.get("web")).status?.terminatingReplicas, 0);
});

test("a ReplicationController's status doesn't tell of them", async (t) => {
  const controller: ReplicationController = {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name: "old", namespace: "default", uid: "old-uid", generation: 1 },
    spec: { replicas: 1, selector: labels, template },
  };
  const { client } = await world(t, [controller], replicationControllerController);
  const { status } = await client.resource(replicationControllers, "default").get("old");
  assert.ok(status !== undefined && !Object.hasOwn(status, "terminatingReplicas"));
});

test("replaces a pod that was deleted and removes what is too many", async (t) => {
  const { client, listPods } = await world(t, [set(2)]);
  const [first] = await listPods();
  await client.resource(pods, "default").delete(first?.metadata?.name ?? "");
  await calm();
  const left = await listPods();
  assert.equal(left.length, 2);
  assert.ok(left.every(({ metadata }) => metadata?.name !== first?.metadata?.name));
  await client.resource(replicaSets, "default").patch("web", "merge", { spec: { replicas: 0 } });
  await calm();
  assert.deepEqual(await listPods(), []);
});

test("adopts an orphan that fits and lets go of a pod that no longer does", async (t) => {
  const orphan: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "orphan", namespace: "default", uid: "o", labels },
    spec: template.spec,
  };
  const { client, listPods } = await world(t, [set(1), orphan]);
  assert.deepEqual(
    (await listPods()).map(({ metadata }) => [metadata?.name, metadata?.ownerReferences?.[0]?.uid]),
    [["orphan", "set-uid"]],
  );
  await client.resource(pods, "default").patch("orphan", "merge", { metadata: { labels: { app: "other" } } });
  await calm();
  const after = await listPods();
  assert.equal(after.length, 2);
  assert.deepEqual(
    after.find(({ metadata }) => metadata?.name === "orphan")?.metadata?.ownerReferences ?? [],
    [],
  );
});

test("a ReplicationController is kept the same way; a ReplicaSet's pods are none of its", async (t) => {
  const controller: ReplicationController = {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name: "web", namespace: "default", uid: "rc-uid", generation: 1 },
    spec: { replicas: 2, selector: labels, template },
  };
  const ofSet: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "of-set",
      namespace: "default",
      uid: "p",
      labels,
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "set-uid", controller: true },
      ],
    },
    spec: template.spec,
  };
  const { client, listPods } = await world(t, [controller, ofSet], replicationControllerController);
  const owners = (await listPods()).map(({ metadata }) => metadata?.ownerReferences?.[0]);
  assert.deepEqual(owners.map((owner) => `${owner?.apiVersion} ${owner?.kind} ${owner?.uid}`).toSorted(), [
    "apps/v1 ReplicaSet set-uid",
    "v1 ReplicationController rc-uid",
    "v1 ReplicationController rc-uid",
  ]);
  const found = await client.resource(replicationControllers, "default").get("web");
  assert.deepEqual(found.status, { replicas: 2, fullyLabeledReplicas: 2, observedGeneration: 1 });
  await client.resource(replicationControllers, "default").patch("web", "merge", { spec: { replicas: 0 } });
  await calm();
  assert.deepEqual(
    (await listPods()).map(({ metadata }) => metadata?.name),
    ["of-set"],
  );
});

const ready = (since: string) => [{ type: "Ready", status: "True", lastTransitionTime: since }];
const now = Date.parse("2026-01-01T01:00:00Z");
function pod(
  name: string,
  more: { node?: string; phase?: string; since?: string; cost?: string; restarts?: number },
): Pod {
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: more.cost === undefined ? {} : { "controller.kubernetes.io/pod-deletion-cost": more.cost },
    },
    spec: { containers: [], nodeName: more.node },
    status: {
      phase: more.phase ?? "Running",
      conditions: more.since === undefined ? [] : ready(more.since),
      containerStatuses: [
        { name: "main", image: "", imageID: "", ready: true, restartCount: more.restarts ?? 0 },
      ],
    },
  };
}
const old = "2026-01-01T00:01:00Z";
const cases: readonly [string, Pod[], string][] = [
  ["the unscheduled one", [pod("a", { node: "n", since: old }), pod("b", { phase: "Pending" })], "b"],
  ["the pending one", [pod("a", { node: "n", since: old }), pod("b", { node: "n", phase: "Pending" })], "b"],
  ["the one that isn't ready", [pod("a", { node: "n", since: old }), pod("b", { node: "n" })], "b"],
  [
    "the cheapest",
    [pod("a", { node: "n", since: old, cost: "10" }), pod("b", { node: "n", since: old })],
    "b",
  ],
  [
    "one of the fuller node",
    [
      pod("a", { node: "n", since: old }),
      pod("b", { node: "m", since: old }),
      pod("c", { node: "m", since: old }),
    ],
    "b",
  ],
  [
    "the one that became ready last",
    [pod("a", { node: "n", since: old }), pod("b", { node: "m", since: "2026-01-01T00:59:00Z" })],
    "b",
  ],
  [
    "the one that restarted most",
    [pod("a", { node: "n", since: old }), pod("b", { node: "m", since: old, restarts: 3 })],
    "b",
  ],
];
for (const [name, list, victim] of cases) {
  test(`planReplicas removes first ${name}`, () => {
    const plan = planReplicas({ wanted: list.length - 1, pods: list, related: list, now });
    assert.deepEqual(
      plan.remove.map(({ metadata }) => metadata?.name),
      [victim],
    );
  });
}

test("planReplicas caps a burst", () => {
  assert.deepEqual(planReplicas({ wanted: 9999, pods: [], related: [], now }), { create: 500, remove: [] });
});
