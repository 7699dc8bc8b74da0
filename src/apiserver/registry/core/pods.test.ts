/** What is special about pods, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { PodDisruptionBudget } from "#api/generated/types/policy-v1.ts";
import type { WatchEvent } from "#api/meta/object.ts";
import { ManualClock } from "#base/clock.ts";
import type { Transport } from "#client/client.ts";
import { call, get, merge, post, put, remove, type Answer } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { qosClassOf } from "#api/core/qos.ts";

const core = "/api/v1/namespaces/default";

const podOf = (name: string, spec: object = {}, labels: object = {}): object => ({
  metadata: { name, labels },
  spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
});

const bind = (transport: Transport, pod: string, node: string): Promise<Answer> =>
  post(transport, `${core}/pods/${pod}/binding`, {
    metadata: { name: pod },
    target: { kind: "Node", name: node },
  });

test("a new pod is pending, whatever its status said", async () => {
  await using server = await startTestApiserver({ clock: new ManualClock() });
  const transport = server.transport();
  const { body } = await post<Pod>(transport, `${core}/pods`, {
    ...podOf("p"),
    status: { phase: "Running" },
  });
  assert.deepEqual(body.status, { phase: "Pending", qosClass: "BestEffort" });
  const { body: gated } = await post<Pod>(
    transport,
    `${core}/pods`,
    podOf("g", { schedulingGates: [{ name: "x" }] }),
  );
  assert.deepEqual(
    gated.status?.conditions?.map(({ type, status, reason, lastTransitionTime }) => [
      type,
      status,
      reason,
      lastTransitionTime,
    ]),
    [["PodScheduled", "False", "SchedulingGated", "2026-01-01T00:00:00Z"]],
  );
});

const observed = (...conditions: readonly (readonly [type: string, generation?: number])[]): object[] =>
  conditions.map(([type, observedGeneration]) => ({
    type,
    status: "True",
    ...(observedGeneration !== undefined && { observedGeneration }),
  }));

test("a status keeps its quality of service and the generations that were observed where it tells none, and odd addresses are warned of", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body: created } = await post<Pod>(transport, `${core}/pods`, podOf("p"));
  const write = (status: object): Promise<Answer<Pod>> =>
    put<Pod>(transport, `${core}/pods/p/status`, { ...created, metadata: { name: "p" }, status });
  await write({
    observedGeneration: 20,
    conditions: observed(["a"], ["b", 20], ["gone", 1], ["twice"], ["twice", 1], ["twice", 2]),
  });
  const { body } = await write({
    conditions: observed(["a"], ["b"], ["new", 1], ["twice", 1], ["twice"], ["twice", 2]),
  });
  assert.deepEqual(body.status, {
    qosClass: "BestEffort",
    observedGeneration: 20,
    conditions: observed(["a"], ["b", 20], ["new", 1], ["twice", 1], ["twice", 1], ["twice", 2]),
  });
  assert.equal((await write({ qosClass: "Burstable" })).status, 422);
  const metadata = { name: "p", deletionTimestamp: "2026-01-01T00:00:00Z" };
  const { body: stays } = await put<Pod>(transport, `${core}/pods/p/status`, { ...created, metadata });
  assert.equal(stays.metadata?.deletionTimestamp, undefined);
  const odd = await write({
    podIP: "01.02.03.04",
    podIPs: [{ ip: "01.02.03.04" }],
    hostIP: "5.6.7.8",
    hostIPs: [{ ip: "5.6.7.8" }, { ip: "2001:DB8::1" }],
  });
  assert.deepEqual(String(odd.headers["warning"]).match(/status\.\w+\[\d\]\.ip/g), [
    "status.podIPs[0].ip",
    "status.hostIPs[1].ip",
  ]);
});

const resources = (requests: object, limits: object): Pod => ({
  spec: { containers: [{ name: "c", image: "x", resources: { requests, limits } as never }] },
});
const both = { cpu: "1", memory: "1Gi" };
const qosCases: readonly [name: string, pod: Pod, qos: string][] = [
  ["nothing asked", resources({}, {}), "BestEffort"],
  ["zero asked", resources({ cpu: "0" }, {}), "BestEffort"],
  ["only requests", resources({ cpu: "1" }, {}), "Burstable"],
  ["limits of both, the same asked", resources(both, both), "Guaranteed"],
  ["the same in other words", resources({ cpu: "1000m", memory: "1024Mi" }, both), "Guaranteed"],
  ["less asked than the limit", resources({ cpu: "500m", memory: "1Gi" }, both), "Burstable"],
  ["a limit of one only", resources({ cpu: "1" }, { cpu: "1" }), "Burstable"],
  ["something else only", resources({ "example.com/gpu": "1" }, {}), "BestEffort"],
];
for (const [name, pod, qos] of qosCases) {
  test(`quality of service: ${name}`, () => assert.equal(qosClassOf(pod), qos));
}

test("binding: once, to a node, not while being deleted, not while gated", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  await post(transport, `${core}/pods`, podOf("p"));
  const bound = await bind(transport, "p", "n1");
  assert.deepEqual(bound.body, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    code: 201,
  });
  const { body } = await get<Pod>(transport, `${core}/pods/p`);
  assert.equal(body.spec?.nodeName, "n1");
  assert.deepEqual(body.status?.conditions, [
    { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ]);
  const again = await bind(transport, "p", "n2");
  assert.deepEqual(
    [again.status, again.body["message"]],
    [409, 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"'],
  );
  await post(transport, `${core}/pods`, podOf("g", { schedulingGates: [{ name: "x" }] }));
  assert.match(
    String((await bind(transport, "g", "n1")).body["message"]),
    /pod g has non-empty .spec.schedulingGates/,
  );
  await post(transport, `${core}/pods`, podOf("q"));
  const target = { kind: "Moon", name: "x" };
  const elsewhere = await post(transport, `${core}/pods/q/binding`, { metadata: { name: "q" }, target });
  assert.equal(elsewhere.status, 500);
  const nameless = await post(transport, `${core}/pods/q/binding`, { target });
  assert.deepEqual(
    [nameless.status, nameless.body["message"]],
    [400, "name in URL does not match name in Binding object"],
  );
  const viaBindings = await post(transport, `${core}/bindings`, {
    metadata: { name: "q" },
    target: { name: "n1" },
  });
  assert.equal(viaBindings.status, 201);
  assert.equal((await bind(transport, "none", "n1")).status, 404);
});

test("a binding's labels win, its pod is nominated to no node any more, its conditions keep their places", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  await post(transport, `${core}/pods`, podOf("p", {}, { app: "web", zone: "a" }));
  const waiting = { type: "PodScheduled", status: "False", reason: "Unschedulable" };
  const conditions = [waiting, { type: "Other", status: "True" }];
  await merge(transport, `${core}/pods/p/status`, { status: { nominatedNodeName: "n2", conditions } });
  const metadata = { name: "p", labels: { zone: "b" } };
  await post(transport, `${core}/pods/p/binding`, { metadata, target: { kind: "Node", name: "n1" } });
  const { body } = await get<Pod>(transport, `${core}/pods/p`);
  assert.deepEqual(
    [body.metadata?.labels, body.status?.nominatedNodeName, body.status?.conditions],
    [
      { app: "web", zone: "b" },
      undefined,
      [
        { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
        { type: "Other", status: "True" },
      ],
    ],
  );
});

const until = ({ metadata }: Pod): unknown[] => [
  metadata?.deletionTimestamp,
  metadata?.deletionGracePeriodSeconds,
  metadata?.generation,
];

test("a pod on a node is deleted gracefully; a second deletion may only shorten it", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  const path = `${core}/pods/p`;
  await post(transport, `${core}/pods`, podOf("p"));
  await bind(transport, "p", "n1");
  const first = await remove<Pod>(transport, path);
  assert.deepEqual(until(first.body), ["2026-01-01T00:00:30Z", 30, 2]);
  assert.deepEqual(
    until((await remove<Pod>(transport, path, { gracePeriodSeconds: 60 })).body),
    until(first.body),
  );
  const shorter = await remove<Pod>(transport, path, { gracePeriodSeconds: 5 });
  assert.deepEqual(until(shorter.body), ["2026-01-01T00:00:05Z", 5, 2]);
  assert.equal((await get(transport, path)).status, 200);
  assert.equal((await remove(transport, path, { gracePeriodSeconds: 0 })).status, 200);
  assert.equal((await get(transport, path)).status, 404);
});

test("a pod that runs nowhere, or no longer, is gone at once", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/pods`, podOf("p"));
  assert.equal((await remove(transport, `${core}/pods/p`)).status, 200);
  assert.equal((await get(transport, `${core}/pods/p`)).status, 404);
  await post(transport, `${core}/pods`, podOf("q"));
  await bind(transport, "q", "n1");
  await merge(transport, `${core}/pods/q/status`, { status: { phase: "Succeeded" } });
  await remove(transport, `${core}/pods/q`);
  assert.equal((await get(transport, `${core}/pods/q`)).status, 404);
});

test("a graceful pod with a finalizer stays until both are done", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/pods/p`;
  await post(transport, `${core}/pods`, { ...podOf("p"), metadata: { name: "p", finalizers: ["x.io/a"] } });
  await bind(transport, "p", "n1");
  await remove(transport, path);
  const zero = await remove<Pod>(transport, path, { gracePeriodSeconds: 0 });
  assert.equal(zero.body.metadata?.deletionGracePeriodSeconds, 0);
  assert.equal((await get(transport, path)).status, 200);
  await merge(transport, path, { metadata: { finalizers: null } });
  assert.equal((await get(transport, path)).status, 404);
});

const budget = (allowed: number): object => ({
  metadata: { name: "b" },
  spec: { minAvailable: 2, selector: { matchLabels: { app: "web" } } },
  status: {
    observedGeneration: 1,
    disruptionsAllowed: allowed,
    currentHealthy: 2,
    desiredHealthy: 2,
    expectedPods: 2,
    conditions: [],
  },
});

const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

async function runWeb(transport: Transport, name: string, ready = "True"): Promise<void> {
  await post(transport, `${core}/pods`, podOf(name, {}, { app: "web" }));
  await bind(transport, name, "n1");
  const conditions = [{ type: "Ready", status: ready }];
  await merge(transport, `${core}/pods/${name}/status`, { status: { phase: "Running", conditions } });
}

const evict = (
  transport: Transport,
  name: string,
  deleteOptions?: object,
  metadata: object = { name },
): Promise<Answer> =>
  post(transport, `${core}/pods/${name}/eviction`, {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata,
    deleteOptions,
  });

test("eviction asks the disruption budget", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  for (const name of ["p1", "p2"]) await runWeb(transport, name);
  await post(transport, budgets, budget(0));
  const early = await evict(transport, "p1");
  assert.equal(early.status, 429);
  assert.deepEqual(early.body["details"], {
    causes: [
      {
        reason: "DisruptionBudget",
        message: "The disruption budget b is still being processed by the server.",
      },
    ],
    retryAfterSeconds: 10,
  });
  await merge(transport, `${budgets}/b/status`, budget(0));
  const blocked = await evict(transport, "p1");
  assert.deepEqual(
    [blocked.status, blocked.body["message"], blocked.body["details"]],
    [
      429,
      "Cannot evict pod as it would violate the pod's disruption budget.",
      {
        causes: [
          {
            reason: "DisruptionBudget",
            message: "The disruption budget b needs 2 healthy pods and has 2 currently",
          },
        ],
      },
    ],
  );
  await merge(transport, `${budgets}/b/status`, budget(1));
  assert.equal((await evict(transport, "p1")).status, 201);
  const { body: pod } = await get<Pod>(transport, `${core}/pods/p1`);
  assert.equal(pod.metadata?.deletionGracePeriodSeconds, 30);
  assert.deepEqual(pod.status?.conditions?.at(-1), {
    type: "DisruptionTarget",
    status: "True",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
  });
  const { body: taken } = await get<PodDisruptionBudget>(transport, `${budgets}/b`);
  const { disruptionsAllowed, disruptedPods = {}, conditions } = taken.status ?? {};
  assert.deepEqual(
    [disruptionsAllowed, Object.keys(disruptedPods), conditions],
    [
      0,
      ["p1"],
      [
        {
          type: "DisruptionAllowed",
          status: "False",
          observedGeneration: 1,
          lastTransitionTime: "2026-01-01T00:00:00Z",
          reason: "InsufficientPods",
          message: "",
        },
      ],
    ],
  );
  assert.equal((await evict(transport, "p2")).status, 429);
});

const causeOf = ({ status, body }: Answer): unknown[] => {
  const { causes } = (body["details"] ?? {}) as { causes?: { message: string }[] };
  return [status, causes?.[0]?.message ?? body["message"]];
};

test("an eviction that is refused says why", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await runWeb(transport, "p");
  await post(transport, budgets, budget(0));
  const condition = {
    type: "DisruptionAllowed",
    status: "False",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  const deny = async (status: object): Promise<unknown[]> => {
    await merge(transport, `${budgets}/b/status`, { status: { observedGeneration: 1, ...status } });
    return causeOf(await evict(transport, "p"));
  };
  const none = "The disruption budget b does not allow evicting pods currently";
  const failed = [{ ...condition, reason: "SyncFailed", message: "no scale" }];
  assert.deepEqual(await deny({ conditions: failed }), [429, `${none} because it failed sync: no scale`]);
  const other = [{ ...condition, reason: "Other", message: "so it is" }];
  const enough = { currentHealthy: 3, desiredHealthy: 2 };
  assert.deepEqual(await deny({ ...enough, conditions: other }), [429, `${none} (Other): so it is`]);
  assert.deepEqual(await deny({ ...enough, conditions: [] }), [429, none]);
  const many = Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`p${n}`, "2026-01-01T00:00:00Z"]));
  assert.deepEqual(await deny({ disruptedPods: many }), [
    403,
    'poddisruptionbudget.policy "b" is forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller',
  ]);
  await post(transport, budgets, { ...budget(1), metadata: { name: "c" } });
  assert.deepEqual(causeOf(await evict(transport, "p")), [
    500,
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
  ]);
  assert.deepEqual(causeOf(await evict(transport, "p", undefined, {})), [
    400,
    "name in URL does not match name in Eviction object",
  ]);
});

test("an eviction keeps to its preconditions, and a dry one changes nothing", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await runWeb(transport, "p", "False");
  const { body: before } = await get<Pod>(transport, `${core}/pods/p`);
  const uid = before.metadata?.uid ?? "";
  assert.deepEqual(causeOf(await evict(transport, "p", { preconditions: { uid: "u" } })), [
    409,
    `Operation cannot be fulfilled on Pod "p": the UID in the precondition (u) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  ]);
  await post(transport, budgets, budget(0));
  await merge(transport, `${budgets}/b/status`, budget(0));
  assert.deepEqual(causeOf(await evict(transport, "p", { dryRun: ["All"] })), [201, undefined]);
  assert.deepEqual((await get<Pod>(transport, `${core}/pods/p`)).body, before);
  // It isn't ready, and the budget is met without it.
  assert.deepEqual(causeOf(await evict(transport, "p", { preconditions: { uid } })), [201, undefined]);
  const { body: after } = await get<Pod>(transport, `${core}/pods/p`);
  assert.equal(after.status?.conditions?.at(-1)?.reason, "EvictionByEvictionAPI");
  assert.notEqual(after.metadata?.deletionTimestamp, undefined);
});

test("a pending pod is evicted as it was seen, one that has ended without a look at its budget", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, budgets, budget(0));
  for (const name of ["waits", "old", "done"]) {
    await post(transport, `${core}/pods`, podOf(name, {}, { app: "web" }));
  }
  assert.equal((await evict(transport, "waits")).status, 201);
  assert.equal((await get(transport, `${core}/pods/waits`)).status, 404);
  const { body } = await get<Pod>(transport, `${core}/pods/old`);
  const { resourceVersion = "" } = body.metadata ?? {};
  await bind(transport, "old", "n1");
  const late = await evict(transport, "old", { preconditions: { resourceVersion } });
  assert.equal(late.status, 409);
  assert.match(
    String(late.body["message"]),
    /^Operation cannot be fulfilled on Pod "old": the ResourceVersion in/,
  );
  await merge(transport, `${core}/pods/done/status`, { status: { phase: "Succeeded" } });
  assert.equal((await evict(transport, "done")).status, 201);
});

test("ephemeral containers and resources have doors of their own", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const pod = podOf("p");
  const containers = [{ name: "c", image: "nginx", resources: { limits: { cpu: "1" } } }];
  await post(transport, `${core}/pods`, { ...pod, spec: { containers } });
  const debugged = await merge<Pod>(transport, `${core}/pods/p/ephemeralcontainers`, {
    metadata: { labels: { sneaked: "in" } },
    spec: { ephemeralContainers: [{ name: "d", image: "busybox" }], nodeName: "sneaked-in" },
  });
  assert.equal(debugged.status, 200);
  assert.deepEqual(
    [
      debugged.body.spec?.ephemeralContainers?.[0]?.name,
      debugged.body.spec?.nodeName,
      debugged.body.metadata?.labels,
    ],
    ["d", undefined, undefined],
  );
  const resized = await call<Pod>(transport, {
    method: "PATCH",
    path: `${core}/pods/p/resize`,
    contentType: "application/strategic-merge-patch+json",
    body: { spec: { containers: [{ name: "c", image: "other", resources: { limits: { cpu: "2" } } }] } },
  });
  const [container] = resized.body.spec?.containers ?? [];
  assert.deepEqual([container?.image, container?.resources?.limits], ["nginx", { cpu: "2" }]);
});

test("pods of one template are judged each by what is its own, and warned of each", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const watch = transport.watch({ method: "GET", path: `${core}/pods` })[Symbol.asyncIterator]();
  const first = watch.next();
  const create = (name: string, spec: object): Promise<Answer> =>
    post(transport, `${core}/pods`, podOf(name, spec));
  const good = { hostAliases: [{ ip: "10.0.0.1", hostnames: ["a"] }] };
  assert.equal((await create("a", good)).status, 201);
  const { value: event } = (await first) as IteratorYieldResult<WatchEvent>;
  assert.equal(event.object.metadata?.name, "a");
  const second = await create("b", good);
  assert.equal(second.status, 201);
  assert.deepEqual((await get(transport, `${core}/pods/b`)).body, second.body);
  assert.equal((await create("B", good)).status, 422);
  const long = await create("a.b", good);
  assert.equal(long.status, 201);
  assert.match(String(long.headers["warning"]), /hostname/);
  const odd = { hostAliases: [...good.hostAliases, ...good.hostAliases] };
  for (const name of ["c", "d"]) {
    assert.match(String((await create(name, odd)).headers["warning"]), /duplicate ip/);
  }
  assert.equal((await create("e", { hostAliases: [{ ip: "x" }] })).status, 422);
  await watch.return?.();
});
