/** What is special about the core group's resources, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace, Pod, Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import type { ApiRequest, Transport } from "#client/client.ts";
import { createCsr } from "#pki/csr.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { qosClassOf } from "#api/core/qos.ts";

const core = "/api/v1/namespaces/default";

interface Called<T> {
  readonly status: number;
  readonly body: T;
}

async function call<T = AnyObject>(transport: Transport, request: ApiRequest): Promise<Called<T>> {
  try {
    const { status, body } = await transport.request(request);
    return { status, body: body as T };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { status: error.code, body: error.status as unknown as T };
  }
}

const send =
  (method: ApiRequest["method"]) =>
  <T = AnyObject>(transport: Transport, path: string, body?: unknown): Promise<Called<T>> =>
    call<T>(transport, {
      method,
      path,
      body,
      contentType: method === "PATCH" ? "application/merge-patch+json" : undefined,
    });
const [get, post, put, patch, remove] = [
  send("GET"),
  send("POST"),
  send("PUT"),
  send("PATCH"),
  send("DELETE"),
];

const podOf = (name: string, spec: object = {}, labels: object = {}): object => ({
  metadata: { name, labels },
  spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
});

const bind = (transport: Transport, pod: string, node: string): Promise<Called<AnyObject>> =>
  post(transport, `${core}/pods/${pod}/binding`, {
    metadata: { name: pod },
    target: { kind: "Node", name: node },
  });

test("a new pod is pending, whatever its status said", async () => {
  await using server = await startTestApiserver();
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
    gated.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
    [["PodScheduled", "False", "SchedulingGated"]],
  );
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
  const elsewhere = await post(transport, `${core}/pods/q/binding`, { target: { kind: "Moon", name: "x" } });
  assert.equal(elsewhere.status, 422);
  const viaBindings = await post(transport, `${core}/bindings`, {
    metadata: { name: "q" },
    target: { name: "n1" },
  });
  assert.equal(viaBindings.status, 201);
  assert.equal((await bind(transport, "none", "n1")).status, 404);
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
  await patch(transport, `${core}/pods/q/status`, { status: { phase: "Succeeded" } });
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
  await patch(transport, path, { metadata: { finalizers: null } });
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

test("eviction asks the disruption budget", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  for (const name of ["p1", "p2"]) {
    await post(transport, `${core}/pods`, podOf(name, {}, { app: "web" }));
    await bind(transport, name, "n1");
    const conditions = [{ type: "Ready", status: "True" }];
    await patch(transport, `${core}/pods/${name}/status`, { status: { phase: "Running", conditions } });
  }
  await post(transport, budgets, budget(0));
  const evict = (name: string): Promise<Called<AnyObject>> =>
    post(transport, `${core}/pods/${name}/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name },
    });
  const early = await evict("p1");
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
  await patch(transport, `${budgets}/b/status`, budget(0));
  const blocked = await evict("p1");
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
  await patch(transport, `${budgets}/b/status`, budget(1));
  assert.equal((await evict("p1")).status, 201);
  const { body: pod } = await get<Pod>(transport, `${core}/pods/p1`);
  assert.equal(pod.metadata?.deletionGracePeriodSeconds, 30);
  const { body: taken } = await get<{ status: { disruptionsAllowed: number; disruptedPods: object } }>(
    transport,
    `${budgets}/b`,
  );
  assert.deepEqual([taken.status.disruptionsAllowed, Object.keys(taken.status.disruptedPods)], [0, ["p1"]]);
  assert.equal((await evict("p2")).status, 429);
});

test("ephemeral containers and resources have doors of their own", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/pods`, podOf("p"));
  const debugged = await patch<Pod>(transport, `${core}/pods/p/ephemeralcontainers`, {
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

test("a namespace goes only when its finalizers are empty", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  const { body } = await post<Namespace>(transport, "/api/v1/namespaces", { metadata: { name: "n" } });
  assert.deepEqual(
    [body.spec, body.status, body.metadata?.labels],
    [{ finalizers: ["kubernetes"] }, { phase: "Active" }, { "kubernetes.io/metadata.name": "n" }],
  );
  const path = "/api/v1/namespaces/n";
  const deleted = await remove<Namespace>(transport, path);
  assert.deepEqual(
    [
      deleted.body.status?.phase,
      deleted.body.metadata?.deletionTimestamp,
      deleted.body.metadata?.deletionGracePeriodSeconds,
    ],
    ["Terminating", "2026-01-01T00:00:00Z", undefined],
  );
  await put(transport, path, { ...deleted.body, spec: { finalizers: [] } });
  assert.deepEqual((await get<Namespace>(transport, path)).body.spec?.finalizers, ["kubernetes"]);
  const finalized = await put(transport, `${path}/finalize`, {
    metadata: { name: "n" },
    spec: { finalizers: [] },
  });
  assert.equal(finalized.status, 200);
  assert.equal((await get(transport, path)).status, 404);
});

const service = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { selector: { app: "x" }, ports: [{ port: 80 }], ...spec },
});
const create = (transport: Transport, name: string, spec: object = {}): Promise<Called<Service>> =>
  post<Service>(transport, `${core}/services`, service(name, spec));

test("services get an address of the range, and give it back", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body } = await create(transport, "a");
  const { clusterIP = "", clusterIPs, ipFamilies, ipFamilyPolicy } = body.spec ?? {};
  assert.match(clusterIP, /^10\.43\./);
  assert.deepEqual([clusterIPs, ipFamilies, ipFamilyPolicy], [[clusterIP], ["IPv4"], "SingleStack"]);
  const taken = await create(transport, "b", { clusterIP });
  assert.equal(
    (taken.body as AnyObject)["message"],
    `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: failed to allocate IP ${clusterIP}: provided IP is already allocated`,
  );
  const foreign = await create(transport, "b", { clusterIP: "192.168.1.1" });
  assert.match(
    String((foreign.body as AnyObject)["message"]),
    /the provided IP \(192\.168\.1\.1\) is not in the valid range\. The range of valid IPs is 10\.43\.0\.0\/16/,
  );
  await remove(transport, `${core}/services/a`);
  assert.equal((await create(transport, "b", { clusterIP })).status, 201);
});

test("a service that can't be stored gives back what it took", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await create(transport, "a");
  const clusterIP = "10.43.0.77";
  assert.equal((await create(transport, "a", { clusterIP })).status, 409);
  const dry = { method: "POST", path: `${core}/services`, query: { dryRun: "All" } } as const;
  assert.equal((await call(transport, { ...dry, body: service("d", { clusterIP }) })).status, 201);
  assert.equal((await create(transport, "b", { clusterIP })).status, 201);
});

test("headless and external services have no address", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const headless = await create(transport, "h", { clusterIP: "None" });
  assert.deepEqual([headless.body.spec?.clusterIP, headless.body.spec?.clusterIPs], ["None", ["None"]]);
  const external = await create(transport, "e", { type: "ExternalName", externalName: "x.io", ports: [] });
  assert.deepEqual([external.body.spec?.clusterIP, external.body.spec?.ipFamilies], [undefined, undefined]);
});

test("node ports come and go with the type", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body: plain } = await create(transport, "p");
  const ported = await patch<Service>(transport, `${core}/services/p`, { spec: { type: "NodePort" } });
  const nodePort = ported.body.spec?.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30_000 && nodePort <= 32_767);
  assert.equal(ported.body.spec?.clusterIP, plain.spec?.clusterIP);
  const taken = await create(transport, "q", { type: "NodePort", ports: [{ port: 1, nodePort }] });
  assert.match(
    String((taken.body as AnyObject)["message"]),
    /spec.ports\[0\].nodePort: Invalid value: \d+: provided port is already allocated/,
  );
  const back = await patch<Service>(transport, `${core}/services/p`, { spec: { type: "ClusterIP" } });
  assert.deepEqual(
    [back.body.spec?.ports?.[0]?.nodePort, back.body.spec?.externalTrafficPolicy],
    [undefined, undefined],
  );
  assert.equal(
    (await create(transport, "q", { type: "NodePort", ports: [{ port: 1, nodePort }] })).status,
    201,
  );
  const outside = await create(transport, "r", { type: "NodePort", ports: [{ port: 1, nodePort: 80 }] });
  assert.match(String((outside.body as AnyObject)["message"]), /The range of valid ports is 30000-32767/);
});

test("a client that leaves out what was allocated keeps it", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body } = await create(transport, "a", { type: "NodePort" });
  const updated = await put<Service>(
    transport,
    `${core}/services/a`,
    service("a", {
      type: "NodePort",
      ports: [
        { name: "w", port: 80 },
        { name: "x", port: 81 },
      ],
    }),
  );
  assert.equal(updated.body.spec?.clusterIP, body.spec?.clusterIP);
  assert.equal(updated.body.spec?.ports?.[0]?.nodePort, body.spec?.ports?.[0]?.nodePort);
  assert.notEqual(updated.body.spec?.ports?.[1]?.nodePort, undefined);
});

test("TCP and UDP of one port share a node port", async () => {
  await using server = await startTestApiserver();
  const ports = [
    { name: "t", port: 53, protocol: "TCP" },
    { name: "u", port: 53, protocol: "UDP" },
  ];
  const { body } = await create(server.transport(), "dns", { type: "NodePort", ports });
  const [one, two] = body.spec?.ports ?? [];
  assert.equal(one?.nodePort, two?.nodePort);
});

test("after a restart nothing is handed out twice", async () => {
  await using first = await startTestApiserver();
  const { body } = await create(first.transport(), "a", { type: "NodePort" });
  await using second = await startTestApiserver({ store: first.store });
  const again = await create(second.transport(), "b", { clusterIP: body.spec?.clusterIP });
  assert.equal(again.status, 422);
  const nodePort = body.spec?.ports?.[0]?.nodePort;
  assert.equal(
    (await create(second.transport(), "c", { type: "NodePort", ports: [{ port: 1, nodePort }] })).status,
    422,
  );
});

test("scale reads and writes the replicas of its owner", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = "/apis/apps/v1/namespaces/default/deployments";
  await post(transport, path, {
    metadata: { name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } },
    },
  });
  const { body } = await get(transport, `${path}/web/scale`);
  assert.deepEqual(
    [body.kind, body["spec"], body["status"]],
    ["Scale", { replicas: 2 }, { replicas: 0, selector: "a=b" }],
  );
  const scaled = await patch(transport, `${path}/web/scale`, { spec: { replicas: 5 } });
  assert.deepEqual(scaled.body["spec"], { replicas: 5 });
  const owner = await get(transport, `${path}/web`);
  assert.deepEqual(
    [(owner.body["spec"] as { replicas: number }).replicas, owner.body.metadata?.generation],
    [5, 2],
  );
  const negative = await patch(transport, `${path}/web/scale`, { spec: { replicas: -1 } });
  assert.deepEqual(
    [negative.status, negative.body["message"]],
    [
      422,
      'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
  );
  assert.equal((await put(transport, `${path}/web/scale`, body)).status, 409);
});

test("reviews answer for who asks and for others", async () => {
  const authorizer = {
    authorize: ({ verb }: { verb: string }) => ({
      allowed: verb !== "delete",
      denied: false,
      reason: verb === "delete" ? "no" : "",
    }),
    rulesFor: () =>
      Promise.resolve({
        resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
        nonResourceRules: [],
        incomplete: false,
      }),
  };
  await using server = await startTestApiserver({ authorizer });
  const transport = server.transport({ name: "jane", groups: ["devs"] });
  const authorization = "/apis/authorization.k8s.io/v1";
  const own = await post(transport, `${authorization}/selfsubjectaccessreviews`, {
    spec: { resourceAttributes: { verb: "delete", resource: "pods" } },
  });
  assert.deepEqual([own.status, own.body["status"]], [201, { allowed: false, reason: "no" }]);
  const other = await post(transport, `${authorization}/subjectaccessreviews`, {
    spec: { user: "joe", nonResourceAttributes: { verb: "get", path: "/x" } },
  });
  assert.deepEqual(other.body["status"], { allowed: true });
  assert.equal(
    (await post(transport, `${authorization}/subjectaccessreviews`, { spec: { resourceAttributes: {} } }))
      .status,
    422,
  );
  const local = {
    spec: { user: "joe", resourceAttributes: { verb: "get", resource: "pods", namespace: "else" } },
  };
  assert.equal(
    (await post(transport, `${authorization}/namespaces/default/localsubjectaccessreviews`, local)).status,
    422,
  );
  const rules = await post(transport, `${authorization}/selfsubjectrulesreviews`, {
    spec: { namespace: "default" },
  });
  assert.deepEqual((rules.body["status"] as { resourceRules: unknown[] }).resourceRules.length, 1);
  const self = await post(transport, "/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
  assert.deepEqual(self.body["status"], { userInfo: { username: "jane", groups: ["devs"] } });
});

test("a node comes with its status, other kinds without", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const node = await post(transport, "/api/v1/nodes", {
    metadata: { name: "n" },
    status: { capacity: { cpu: "4" } },
  });
  assert.deepEqual((node.body["status"] as { capacity: unknown }).capacity, { cpu: "4" });
  const claim = await post(transport, `${core}/persistentvolumeclaims`, {
    metadata: { name: "c" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    status: { phase: "Bound" },
  });
  assert.deepEqual(claim.body["status"], { phase: "Pending" });
});

test("a signing request says who asked, not who he says he is", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport({ name: "jane", groups: ["devs"] });
  const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const request = {
    metadata: { name: "r" },
    spec: {
      request: Buffer.from(createCsr({ commonName: "jane" }).csrPem).toString("base64"),
      signerName: "x.io/y",
      usages: ["client auth"],
      username: "root",
    },
  };
  const { body } = await post(transport, path, request);
  const { username, groups } = body["spec"] as { username: string; groups: string[] };
  assert.deepEqual([username, groups], ["jane", ["devs"]]);
  const conditions = [{ type: "Approved", status: "True", reason: "x", message: "y" }];
  const smuggled = await patch(transport, `${path}/r/status`, { status: { conditions } });
  assert.match(
    String(smuggled.body["message"]),
    /status.conditions: Forbidden: updates may not add a condition of type "Approved"/,
  );
  const approved = await patch(transport, `${path}/r/approval`, { status: { conditions } });
  assert.equal((approved.body["status"] as { conditions: unknown[] }).conditions.length, 1);
});

test("events are asked for more through the newer group than through the old one", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const old = { metadata: { name: "Old One" }, involvedObject: { kind: "Pod", namespace: "default" } };
  assert.equal((await post(transport, `${core}/events`, old)).status, 201);
  const path = "/apis/events.k8s.io/v1/namespaces/default/events";
  const young = { metadata: { name: "young" }, regarding: old.involvedObject, type: "Normal" };
  const refused = await post(transport, path, young);
  assert.match(String(refused.body["message"]), /eventTime: Required value/);
  const full = {
    ...young,
    eventTime: "2026-01-02T03:04:05.000006Z",
    reportingController: "example.com/c",
    reportingInstance: "i",
    action: "a",
    reason: "r",
  };
  assert.equal((await post(transport, path, full)).status, 201);
  const changed = await patch(transport, `${path}/young`, { note: "other" });
  assert.match(String(changed.body["message"]), /message: Invalid value: "other": field is immutable/);
  assert.equal((await patch(transport, `${core}/events/young`, { message: "other" })).status, 200);
});

test("a job made from another's manifest is refused", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = "/apis/batch/v1/namespaces/default/jobs";
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
  const made = await post(transport, path, { metadata: { name: "a" }, spec: { template } });
  assert.equal(made.status, 201);
  const copied = await post(transport, path, { metadata: { name: "b" }, spec: made.body["spec"] });
  const message = String(copied.body["message"]);
  assert.match(message, /spec.template.metadata.labels\[job-name\]: Invalid value: .*: must be 'b'/);
  assert.match(message, /`selector` not auto-generated/);
});

test("a token is issued for an account that exists", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  assert.equal(
    (await post(transport, `${core}/serviceaccounts/bob/token`, { spec: { audiences: [] } })).status,
    404,
  );
  await post(transport, `${core}/serviceaccounts`, { metadata: { name: "bob" } });
  const { status, body } = await post(transport, `${core}/serviceaccounts/bob/token`, {
    spec: { audiences: [] },
  });
  assert.deepEqual([status, (body["status"] as { token: string }).token], [201, "test-token-of-default-bob"]);
});
