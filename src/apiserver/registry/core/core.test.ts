/** What is special about the core group's other resources, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace, Node } from "#api/generated/types/core-v1.ts";
import type { Status } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import { createCsr } from "#pki/csr.ts";
import { get, merge, post, put, remove } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";

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
  const odd = await put<Status>(transport, `${path}/finalize`, {
    metadata: { name: "n" },
    spec: { finalizers: ["kubernetes", "mine"] },
  });
  assert.deepEqual(
    odd.body.details?.causes?.map(({ field }) => field),
    ["spec.finalizers[1]"],
  );
  const finalized = await put(transport, `${path}/finalize`, {
    metadata: { name: "n" },
    spec: { finalizers: [] },
  });
  assert.equal(finalized.status, 200);
  assert.equal((await get(transport, path)).status, 404);
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
  const scaled = await merge(transport, `${path}/web/scale`, { spec: { replicas: 5 } });
  assert.deepEqual(scaled.body["spec"], { replicas: 5 });
  const owner = await get(transport, `${path}/web`);
  assert.deepEqual(
    [(owner.body["spec"] as { replicas: number }).replicas, owner.body.metadata?.generation],
    [5, 2],
  );
  const negative = await merge(transport, `${path}/web/scale`, { spec: { replicas: -1 } });
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
  const self = await post(transport, "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    metadata: { name: "mine" },
  });
  assert.deepEqual(Object.keys(self.body.metadata ?? {}), ["creationTimestamp"]);
  assert.deepEqual(self.body["status"], { userInfo: { username: "jane", groups: ["devs"] } });
});

const configSource = { configMap: { name: "c", namespace: "n", kubeletConfigKey: "k" } };
const nodeStatus = { config: { error: "e" }, declaredFeatures: ["F"] };

/** What a node says in fields without a feature. */
const droppedOf = ({ spec, status: own }: Node): readonly string[] =>
  ["configSource", "config", "declaredFeatures"].filter((name) => name in { ...spec, ...own });

test("a node comes with its status, but for what has no feature; other kinds come without", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const node = await post(transport, "/api/v1/nodes", {
    metadata: { name: "n" },
    spec: { configSource },
    status: { ...nodeStatus, capacity: { cpu: "4" } },
  });
  assert.deepEqual((node.body["status"] as { capacity: unknown }).capacity, { cpu: "4" });
  assert.deepEqual(droppedOf(node.body), []);
  const configured = { ...node.body, spec: { configSource }, status: nodeStatus };
  assert.deepEqual(droppedOf((await put(transport, "/api/v1/nodes/n", configured)).body), []);
  const { metadata } = (await get<Node>(transport, "/api/v1/nodes/n")).body;
  const written = await put(transport, "/api/v1/nodes/n/status", { ...configured, metadata });
  assert.deepEqual([written.status, droppedOf(written.body)], [200, []]);
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
  const smuggled = await merge(transport, `${path}/r/status`, { status: { conditions } });
  assert.match(
    String(smuggled.body["message"]),
    /status.conditions: Forbidden: updates may not add a condition of type "Approved"/,
  );
  const approved = await merge(transport, `${path}/r/approval`, { status: { conditions } });
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
  const changed = await merge(transport, `${path}/young`, { note: "other" });
  assert.match(String(changed.body["message"]), /message: Invalid value: "other": field is immutable/);
  assert.equal((await merge(transport, `${core}/events/young`, { message: "other" })).status, 200);
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
  const contradicting = async (account: string, metadata: object): Promise<unknown[]> => {
    const path = `${core}/serviceaccounts/${account}/token`;
    const answer = await post(transport, path, { metadata, spec: { audiences: [] } });
    return [answer.status, answer.body["message"]];
  };
  // Before it is looked for.
  assert.deepEqual(await contradicting("ann", { name: "bob" }), [
    422,
    'TokenRequest.authentication.k8s.io "ann" is invalid: metadata.name: Invalid value: "bob": must match the service account name if specified',
  ]);
  assert.deepEqual(await contradicting("bob", { namespace: "other" }), [
    400,
    "the namespace of the provided object does not match the namespace sent on the request",
  ]);
});
