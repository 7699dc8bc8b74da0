/** Every verb, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError, type Status } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import type { ApiRequest, Query, Transport } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default";

interface Called {
  readonly status: number;
  readonly body: AnyObject;
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer, or the Status of the failure. */
async function call(transport: Transport, request: ApiRequest): Promise<Called> {
  try {
    const { status, body, headers } = await transport.request(request);
    return { status, body: body as AnyObject, headers };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { status: error.code, body: error.status as Status & AnyObject, headers: {} };
  }
}

const post = (transport: Transport, path: string, body: unknown, query?: Query): Promise<Called> =>
  call(transport, { method: "POST", path, body, query });
const get = (transport: Transport, path: string): Promise<Called> => call(transport, { method: "GET", path });
const put = (transport: Transport, path: string, body: unknown): Promise<Called> =>
  call(transport, { method: "PUT", path, body });
const remove = (transport: Transport, path: string, body?: unknown, query?: Query): Promise<Called> =>
  call(transport, { method: "DELETE", path, body, query });
const merge = (transport: Transport, path: string, body: unknown, query?: Query): Promise<Called> =>
  call(transport, { method: "PATCH", path, body, query, contentType: "application/merge-patch+json" });

const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
});
const deployment = (name: string): object => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", image: "nginx" }] },
    },
  },
});

test("create fills in what is the server's, and nothing a client says about it counts", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock, random: new SeededRandom(1) });
  const transport = server.transport();
  const { status, body } = await post(transport, `${apps}/deployments`, {
    ...deployment("web"),
    metadata: {
      name: "web",
      uid: "mine",
      creationTimestamp: "2020-01-01T00:00:00Z",
      generation: 7,
      selfLink: "x",
    },
    status: { replicas: 9 },
  });
  assert.equal(status, 201);
  const { uid, managedFields, ...metadata } = body.metadata ?? {};
  assert.notEqual(uid, "mine");
  assert.deepEqual(
    managedFields?.map(({ manager, operation, time }) => [manager, operation, time]),
    [["mini-k8s", "Update", "2026-01-01T00:00:00Z"]],
  );
  assert.deepEqual(metadata, {
    name: "web",
    namespace: "default",
    creationTimestamp: "2026-01-01T00:00:00Z",
    generation: 1,
    resourceVersion: "2",
  });
  assert.deepEqual(body["status"], {});
});

test("a generated name ends in five characters, and a collision is tried anew", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body } = await post(transport, `${core}/configmaps`, {
    metadata: { generateName: "a".repeat(70) },
  });
  assert.match(body.metadata?.name ?? "", /^a{58}[b-z0-9]{5}$/);
  const twice = await Promise.all(
    Array.from({ length: 50 }, () =>
      post(transport, `${core}/configmaps`, { metadata: { generateName: "x-" } }),
    ),
  );
  assert.equal(new Set(twice.map((each) => each.body.metadata?.name)).size, 50);
});

const refusedCreates: readonly [name: string, path: string, body: unknown, code: number, message: string][] =
  [
    [
      "another kind",
      `${core}/pods`,
      { kind: "Service", metadata: { name: "a" } },
      400,
      'Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (v1.Pod): unknown conversion',
    ],
    [
      "another version",
      `${core}/pods`,
      { apiVersion: "v2", metadata: { name: "a" } },
      400,
      "the API version in the data (v2) does not match the expected API version (v1)",
    ],
    [
      "another namespace",
      `${core}/configmaps`,
      { metadata: { name: "a", namespace: "other" } },
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    [
      "a resourceVersion",
      `${core}/configmaps`,
      { metadata: { name: "a", resourceVersion: "5" } },
      500,
      "resourceVersion should not be set on objects to be created",
    ],
    [
      "a wrong type",
      `${core}/configmaps`,
      { metadata: { name: "a" }, data: 5 },
      400,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string',
    ],
    [
      "a namespaced resource without namespace",
      "/api/v1/configmaps",
      { metadata: { name: "a" } },
      405,
      "the server does not allow this method on the requested resource",
    ],
    ["an unknown resource", `${core}/foos`, {}, 404, "the server could not find the requested resource"],
    [
      "a cluster-scoped resource in a namespace",
      `${core}/nodes`,
      {},
      404,
      "the server could not find the requested resource",
    ],
  ];
for (const [name, path, body, code, message] of refusedCreates) {
  test(`create refuses ${name}`, async () => {
    await using server = await startTestApiserver();
    const answer = await post(server.transport(), path, body);
    assert.deepEqual([answer.status, answer.body["message"]], [code, message]);
  });
}

test("a second object of the same name is refused", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${apps}/deployments`, deployment("web"));
  const { status, body } = await post(transport, `${apps}/deployments`, deployment("web"));
  assert.deepEqual(
    [status, body["reason"], body["message"], body["details"]],
    [
      409,
      "AlreadyExists",
      'deployments.apps "web" already exists',
      { name: "web", group: "apps", kind: "deployments" },
    ],
  );
});

test("unknown fields are warned of, refused or ignored, as the client asks", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const body = { metadata: { name: "a" }, datas: {} };
  const strict = await post(transport, `${core}/configmaps`, body, { fieldValidation: "Strict" });
  assert.deepEqual(
    [strict.status, strict.body["message"]],
    [
      400,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "datas"',
    ],
  );
  const warned = await post(transport, `${core}/configmaps`, body);
  assert.equal(warned.headers["warning"], '299 - "unknown field \\"datas\\""');
  const ignored = await merge(transport, `${core}/configmaps/a`, { datas: 1 }, { fieldValidation: "Ignore" });
  assert.deepEqual([ignored.status, ignored.headers["warning"]], [200, undefined]);
  const patched = await merge(transport, `${core}/configmaps/a`, { datas: 1 }, { fieldValidation: "Strict" });
  assert.equal(patched.status, 422);
});

test("a dry run goes all the way but leaves nothing", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const dry = { dryRun: "All" };
  const made = await post(transport, `${core}/configmaps`, { metadata: { name: "a" } }, dry);
  assert.deepEqual([made.status, made.body.metadata?.resourceVersion], [201, undefined]);
  assert.equal((await get(transport, `${core}/configmaps/a`)).status, 404);
  await post(transport, `${core}/configmaps`, { metadata: { name: "a" }, data: { x: "1" } });
  assert.equal((await post(transport, `${core}/configmaps`, { metadata: { name: "a" } }, dry)).status, 409);
  const changed = await merge(transport, `${core}/configmaps/a`, { data: { x: "2" } }, dry);
  assert.deepEqual([changed.body["data"], changed.body.metadata?.resourceVersion], [{ x: "2" }, "2"]);
  assert.equal((await remove(transport, `${core}/configmaps/a`, undefined, dry)).status, 200);
  assert.deepEqual((await get(transport, `${core}/configmaps/a`)).body["data"], { x: "1" });
  assert.equal((await post(transport, `${core}/configmaps`, {}, { dryRun: "Some" })).status, 422);
});

test("update: conflicts, uids, names, and what doesn't change isn't written", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body: made } = await post(transport, `${core}/configmaps`, {
    metadata: { name: "a" },
    data: { x: "1", y: "2" },
  });
  const path = `${core}/configmaps/a`;
  const same = await put(transport, path, { ...made, data: { y: "2", x: "1" } });
  assert.equal(same.body.metadata?.resourceVersion, made.metadata?.resourceVersion);
  const changed = await put(transport, path, { ...made, data: { x: "2" } });
  assert.equal(changed.body.metadata?.resourceVersion, "3");
  const stale = await put(transport, path, { ...made, data: { x: "3" } });
  assert.deepEqual(
    [stale.status, stale.body["message"]],
    [
      409,
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    ],
  );
  assert.equal((await put(transport, path, { metadata: { name: "a" }, data: { x: "4" } })).status, 200);
  const renamed = await put(transport, path, { metadata: { name: "b" } });
  assert.equal(renamed.body["message"], "the name of the object (b) does not match the name on the URL (a)");
  const other = await put(transport, path, { metadata: { name: "a", uid: "other" } });
  assert.match(
    String(other.body["message"]),
    /Precondition failed: UID in precondition: other, UID in object meta: /,
  );
  assert.equal((await put(transport, `${core}/configmaps/none`, { metadata: { name: "none" } })).status, 404);
});

test("some kinds are created by PUT, some are updated with a revision only", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const lease = { metadata: { name: "l" }, spec: { holderIdentity: "me" } };
  const made = await put(transport, `${path}/l`, lease);
  assert.equal(made.status, 201);
  const blind = await put(transport, `${path}/l`, { ...lease, spec: { holderIdentity: "you" } });
  assert.deepEqual(
    [blind.status, blind.body["message"]],
    [
      422,
      'Lease.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    ],
  );
});

test("spec and status each have their own door", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${apps}/deployments/web`;
  const { body: made } = await post(transport, `${apps}/deployments`, deployment("web"));
  const scaled = await merge(transport, path, { spec: { replicas: 3 }, status: { replicas: 9 } });
  assert.deepEqual([scaled.body.metadata?.generation, scaled.body["status"]], [2, {}]);
  const reported = await put(transport, `${path}/status`, {
    ...made,
    metadata: { name: "web", labels: { x: "y" } },
    status: { replicas: 3 },
  });
  assert.equal(reported.body.metadata?.generation, 2);
  assert.deepEqual(
    [
      (reported.body["spec"] as { replicas: number }).replicas,
      reported.body["status"],
      reported.body.metadata.labels,
    ],
    [3, { replicas: 3 }, undefined],
  );
  const labelled = await merge(transport, path, { metadata: { labels: { x: "y" } } });
  assert.equal(labelled.body.metadata?.generation, 2);
});

test("patches: three formats, what can't be applied, what isn't a patch", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/pods`, pod("p"));
  const path = `${core}/pods/p`;
  const patch = (contentType: string, body: unknown): Promise<Called> =>
    call(transport, { method: "PATCH", path, contentType, body });
  const strategic = await patch("application/strategic-merge-patch+json", {
    metadata: { labels: { a: "b" } },
    spec: { containers: [{ name: "c", image: "busybox" }] },
  });
  assert.equal(strategic.status, 200);
  const [container] = (strategic.body["spec"] as { containers: { name: string; image: string }[] })
    .containers;
  assert.deepEqual([container?.name, container?.image], ["c", "busybox"]);
  const json = await patch("application/json-patch+json", [{ op: "remove", path: "/metadata/labels/a" }]);
  assert.deepEqual(json.body.metadata?.labels, undefined);
  const impossible = await patch("application/json-patch+json", [
    { op: "remove", path: "/metadata/labels/zzz" },
  ]);
  assert.equal(impossible.status, 422);
  const unknown = await patch("text/plain", "x");
  assert.deepEqual(
    [unknown.status, unknown.body["message"]],
    [
      415,
      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
    ],
  );
  const stale = await merge(transport, path, { metadata: { resourceVersion: "1", labels: { z: "z" } } });
  assert.equal(stale.status, 409);
  assert.equal((await merge(transport, `${core}/pods/none`, {})).status, 404);
  assert.equal((await merge(transport, path, { metadata: { name: "q" } })).status, 400);
});

test("fifty patches of one object at once all take effect", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/configmaps`, { metadata: { name: "a" } });
  const path = `${core}/configmaps/a`;
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => merge(transport, path, { data: { [`k${i}`]: "v" } })),
  );
  const { body } = await get(transport, path);
  assert.equal(Object.keys(body["data"] as object).length, 50);
});

test("delete answers with a Status, or with the object where upstream does", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body: map } = await post(transport, `${core}/configmaps`, { metadata: { name: "a" } });
  const gone = await remove(transport, `${core}/configmaps/a`);
  assert.deepEqual(gone.body, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name: "a", kind: "configmaps", uid: map.metadata?.uid },
  });
  await post(transport, `${core}/services`, { metadata: { name: "s" }, spec: { ports: [{ port: 80 }] } });
  assert.equal((await remove(transport, `${core}/services/s`)).body.kind, "Service");
  const again = await remove(transport, `${core}/configmaps/a`);
  assert.deepEqual([again.status, again.body["message"]], [404, 'configmaps "a" not found']);
});

test("preconditions of a deletion must hold", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body } = await post(transport, `${core}/configmaps`, { metadata: { name: "a" } });
  const path = `${core}/configmaps/a`;
  const uid = await remove(transport, path, { preconditions: { uid: "other" } });
  assert.deepEqual(
    [uid.status, uid.body["message"]],
    [
      409,
      `Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: other, UID in object meta: ${body.metadata?.uid ?? ""}`,
    ],
  );
  assert.equal((await remove(transport, path, { preconditions: { resourceVersion: "1" } })).status, 409);
  const good = { preconditions: { uid: body.metadata?.uid, resourceVersion: "2" } };
  assert.equal((await remove(transport, path, good)).status, 200);
});

test("finalizers keep an object until the last one is gone", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  await post(transport, `${core}/configmaps`, { metadata: { name: "a", finalizers: ["x.io/a", "x.io/b"] } });
  const path = `${core}/configmaps/a`;
  const marked = await remove(transport, path);
  assert.equal(marked.status, 200);
  assert.deepEqual(
    [marked.body.metadata?.deletionTimestamp, marked.body.metadata?.deletionGracePeriodSeconds],
    ["2026-01-01T00:00:00Z", 0],
  );
  const again = await remove(transport, path);
  assert.equal(again.body.metadata?.resourceVersion, marked.body.metadata?.resourceVersion);
  assert.equal((await merge(transport, path, { metadata: { finalizers: ["x.io/b"] } })).status, 200);
  assert.equal((await get(transport, path)).status, 200);
  assert.equal((await merge(transport, path, { metadata: { finalizers: null } })).status, 200);
  assert.equal((await get(transport, path)).status, 404);
});

const policies: readonly [name: string, options: object, finalizers: readonly string[] | undefined][] = [
  ["Foreground", { propagationPolicy: "Foreground" }, ["foregroundDeletion"]],
  ["Orphan", { propagationPolicy: "Orphan" }, ["orphan"]],
  ["orphanDependents", { orphanDependents: true }, ["orphan"]],
  ["Background", { propagationPolicy: "Background" }, undefined],
  ["nothing said", {}, undefined],
];
for (const [name, options, finalizers] of policies) {
  test(`deletion with ${name}: ${finalizers?.join() ?? "gone at once"}`, async () => {
    await using server = await startTestApiserver();
    const transport = server.transport();
    await post(transport, `${apps}/deployments`, deployment("web"));
    const { body } = await remove(transport, `${apps}/deployments/web`, options);
    assert.deepEqual(body.metadata?.finalizers, finalizers);
    assert.equal(
      (await get(transport, `${apps}/deployments/web`)).status,
      finalizers === undefined ? 404 : 200,
    );
  });
}

test("a job is orphaned by default, with a warning", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = "/apis/batch/v1/namespaces/default/jobs";
  const spec = { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "x" }] } } };
  const { body: job } = await post(transport, path, { metadata: { name: "j" }, spec });
  const uid = job.metadata?.uid ?? "";
  assert.deepEqual((job["spec"] as { selector: unknown }).selector, {
    matchLabels: { "batch.kubernetes.io/controller-uid": uid },
  });
  const { body, headers } = await remove(transport, `${path}/j`);
  assert.deepEqual(body.metadata?.finalizers, ["orphan"]);
  assert.match(headers["warning"] ?? "", /child pods are preserved by default/);
});

test("a contradictory or unknown propagation policy is refused", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/configmaps`, { metadata: { name: "a" } });
  const path = `${core}/configmaps/a`;
  assert.equal((await remove(transport, path, { propagationPolicy: "Sideways" })).status, 422);
  const both = { propagationPolicy: "Orphan", orphanDependents: true };
  assert.match(String((await remove(transport, path, both)).body["message"]), /cannot be both set/);
});

test("a collection is deleted by its selector and listed in the answer", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const name of ["a", "b", "c"]) {
    await post(transport, `${core}/configmaps`, {
      metadata: { name, labels: { keep: name === "b" ? "yes" : "no" } },
    });
  }
  const { status, body } = await remove(transport, `${core}/configmaps`, undefined, {
    labelSelector: "keep=no",
  });
  const listed = (body["items"] as AnyObject[]).map(({ metadata }) => metadata?.name);
  assert.deepEqual([status, body.kind, listed], [200, "ConfigMapList", ["a", "c"]]);
  const left = (await get(transport, `${core}/configmaps`)).body["items"] as AnyObject[];
  assert.deepEqual(
    left.map(({ metadata }) => metadata?.name),
    ["b"],
  );
});

test("two versions of one resource share their objects", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", {
    metadata: { name: "h" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      maxReplicas: 3,
      targetCPUUtilizationPercentage: 50,
    },
  });
  const { body } = await get(transport, "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h");
  assert.equal(body.apiVersion, "autoscaling/v2");
  const [metric] = (body["spec"] as { metrics: { resource: { target: { averageUtilization: number } } }[] })
    .metrics;
  assert.equal(metric?.resource.target.averageUtilization, 50);
});

test("what a client of this process gets is shared and frozen", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/configmaps`, { metadata: { name: "a" }, data: { x: "1" } });
  const one = await get(transport, `${core}/configmaps/a`);
  const two = await get(transport, `${core}/configmaps/a`);
  assert.equal(one.body, two.body);
  assert.throws(() => {
    (one.body["data"] as Record<string, string>)["x"] = "2";
  }, TypeError);
});

test("who may not is told what and where", async () => {
  const authorizer = {
    authorize: () => ({ allowed: false, denied: false, reason: "" }),
    rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
  };
  await using server = await startTestApiserver({ authorizer });
  const { status, body } = await get(
    server.transport({ name: "jane", groups: [] }),
    `${apps}/deployments/web`,
  );
  assert.deepEqual(
    [status, body["message"]],
    [
      403,
      'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "default"',
    ],
  );
});
