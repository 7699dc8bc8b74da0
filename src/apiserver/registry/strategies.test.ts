/** What resources are made of before they are kept, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import type { ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { ResourceClaim } from "#api/generated/types/resource-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import { get, merge, post, put } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default";
const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const devices = "/apis/resource.k8s.io/v1";

const workload = (name: string): object => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { a: "b" } },
    template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } },
  },
});

test("an account tells of its secrets the names alone", async () => {
  await using server = await startTestApiserver();
  const { body } = await post<ServiceAccount>(server.transport(), `${core}/serviceaccounts`, {
    metadata: { name: "a" },
    secrets: [{ kind: "Secret", name: "s", namespace: "elsewhere" }],
  });
  assert.deepEqual(body.secrets, [{ name: "s" }]);
});

test("numbers in annotations are fields: others can't be read", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const why = 'strconv.ParseInt: parsing "x": invalid syntax';
  for (const [path, kind, name, said] of [
    ["daemonsets", "DaemonSet", "deprecated.daemonset.template.generation", why],
    [
      "deployments",
      "Deployment",
      "deprecated.deployment.rollback.to",
      `failed to parse annotation[deprecated.deployment.rollback.to]=x as int64: ${why}`,
    ],
  ] as const) {
    const sent = { ...workload("x"), metadata: { name: "x", annotations: { [name]: "x" } } };
    const made = await post(transport, `${apps}/${path}`, sent);
    const text = `${kind} in version "v1" cannot be handled as a ${kind}: ${said}`;
    assert.deepEqual([made.status, made.body["message"]], [400, text]);
    assert.equal((await post(transport, `${apps}/${path}`, workload("y"))).status, 201);
    const patched = await merge(transport, `${apps}/${path}/y`, {
      metadata: { annotations: { [name]: "x" } },
    });
    assert.equal(patched.status, 422);
    assert.ok(String(patched.body["message"]).endsWith(said), String(patched.body["message"]));
    const good = await merge(transport, `${apps}/${path}/y`, { metadata: { annotations: { [name]: "01" } } });
    assert.equal(good.body.metadata?.annotations?.[name], "1");
  }
});

test("a DaemonSet counts the changes of its template, whatever is said of them", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${apps}/daemonsets`;
  const annotation = "deprecated.daemonset.template.generation";
  const counted = ({ body }: { body: AnyObject }): unknown => [
    body.metadata?.annotations?.[annotation],
    body.metadata?.generation,
  ];
  assert.deepEqual(counted(await post(transport, path, workload("d"))), ["1", 1]);
  const relabelled = { spec: { template: { metadata: { labels: { c: "d" } } } } };
  assert.deepEqual(counted(await merge(transport, `${path}/d`, relabelled)), ["2", 2]);
  const spec = { metadata: { annotations: { [annotation]: "9" } }, spec: { minReadySeconds: 5 } };
  assert.deepEqual(counted(await merge(transport, `${path}/d`, spec)), ["2", 3]);
  const last = String(2n ** 63n - 1n);
  const sent = { ...workload("e"), metadata: { name: "e", annotations: { [annotation]: last } } };
  assert.deepEqual(counted(await post(transport, path, sent)), [last, 1]);
  const after = [String(-(2n ** 63n)), 2];
  assert.deepEqual(counted(await merge(transport, `${path}/e`, relabelled)), after);
});

test("a Deployment's annotations make it a new generation, its labels don't, and of a slice the other way", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const generations = async (path: string): Promise<unknown[]> => {
    const after = async (metadata: object): Promise<unknown> =>
      (await merge(transport, path, { metadata })).body.metadata?.generation;
    return [await after({ labels: { x: "y" } }), await after({ annotations: { x: "y" } })];
  };
  await post(transport, `${apps}/deployments`, workload("w"));
  assert.deepEqual(await generations(`${apps}/deployments/w`), [1, 2]);
  await post(transport, slices, { metadata: { name: "s" }, addressType: "IPv4", endpoints: [] });
  assert.deepEqual(await generations(`${slices}/s`), [2, 2]);
});

test("what every object of the language has isn't taken for a label that was there before", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${apps}/deployments`, workload("w"));
  const relabel = async (value: string | null): Promise<unknown> => {
    const metadata = { labels: { constructor: value } };
    const { body } = await merge(transport, `${apps}/deployments/w`, { spec: { template: { metadata } } });
    return body.metadata?.generation;
  };
  assert.deepEqual([await relabel("x"), await relabel(null)], [2, 3]);
});

/** Cases of pkg/registry/core/{podtemplate,replicationcontroller,service}/strategy_test.go. */
test("a pod template's generations are counted from one, whatever is said, and only its template makes them", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/podtemplates`;
  const spec = { containers: [{ name: "c", image: "x" }], restartPolicy: "OnFailure" };
  const said = { metadata: { name: "t", generation: 999 }, template: { spec } };
  assert.equal((await put(transport, `${path}/t`, said)).status, 404);
  const made = await post(transport, path, said);
  const labelled = await merge(transport, `${path}/t`, { metadata: { labels: { a: "true" } } });
  const changed = { metadata: { generation: 999 }, template: { spec: { restartPolicy: "Never" } } };
  const answers = [made, labelled, await merge(transport, `${path}/t`, changed)];
  assert.deepEqual(
    answers.map(({ body }) => body.metadata?.generation),
    [1, 1, 2],
  );
  const renamed = { ...answers[2]?.body, metadata: { ...answers[2]?.body.metadata, name: "changed" } };
  assert.equal((await put(transport, `${path}/t`, renamed)).status, 400);
});

test("what is made has no status of its own, and a status changes nothing else", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/replicationcontrollers`;
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } };
  const said = {
    metadata: { name: "r" },
    spec: { replicas: 3, template },
    status: { replicas: 1, observedGeneration: 10 },
  };
  assert.equal((await put(transport, `${path}/r`, said)).status, 404);
  const { body } = await post(transport, path, said);
  assert.deepEqual(body["status"], {});
  const status = { replicas: 3, observedGeneration: 11 };
  const counted = { ...body, spec: { ...(body["spec"] as object), replicas: 1 }, status };
  const after = await put(transport, `${path}/r/status`, counted);
  assert.deepEqual([after.body["spec"], after.body["status"]], [body["spec"], status]);
  const services = `${core}/services`;
  const spec = { type: "LoadBalancer", ports: [{ port: 80 }] };
  const service = await post(transport, services, { metadata: { name: "s" }, spec });
  const ingress = [{ ip: "127.0.0.2" }];
  const balanced = await put(transport, `${services}/s/status`, {
    ...service.body,
    spec: { ...(service.body["spec"] as object), sessionAffinity: "ClientIP" },
    status: { loadBalancer: { ingress } },
  });
  assert.deepEqual(balanced.body["spec"], service.body["spec"]);
  assert.deepEqual(balanced.body["status"], {
    loadBalancer: { ingress: [{ ip: "127.0.0.2", ipMode: "VIP" }] },
  });
});

test("what never changes its generation, and what has none", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  await post(transport, classes, { metadata: { name: "c" }, value: 1 });
  const { body } = await merge(transport, `${classes}/c`, { description: "d" });
  assert.equal(body.metadata?.generation, 1);
  assert.equal((await put(transport, `${classes}/new`, { metadata: { name: "new" }, value: 1 })).status, 404);
  const revisions = `${apps}/controllerrevisions`;
  const revision = await post(transport, revisions, { metadata: { name: "r" }, revision: 1, data: {} });
  assert.equal(revision.body.metadata?.generation, undefined);
});

test("topology of old can't be written to an EndpointSlice", async () => {
  await using server = await startTestApiserver();
  const { body } = await post<EndpointSlice>(server.transport(), slices, {
    metadata: { name: "s" },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], deprecatedTopology: { "kubernetes.io/hostname": "n" } }],
  });
  assert.deepEqual(body.endpoints, [{ addresses: ["10.0.0.1"] }]);
});

test("a flow schema needs no revision to be changed, and its status leaves its metadata alone", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
  const schema = { metadata: { name: "f" }, spec: { priorityLevelConfiguration: { name: "exempt" } } };
  await post(transport, path, schema);
  const metadata = { name: "f", annotations: { a: "b" }, labels: { c: "d" } };
  const updated = await put(transport, `${path}/f`, { ...schema, metadata });
  assert.equal(updated.status, 200);
  const other = { labels: { e: "f" }, annotations: { g: "h" }, finalizers: ["example.com/x"] };
  const { body } = await merge(transport, `${path}/f/status`, { metadata: other, status: {} });
  assert.deepEqual(
    [body.metadata?.labels, body.metadata?.annotations, body.metadata?.finalizers],
    [{ c: "d" }, { a: "b" }, undefined],
  );
});

test("administrators' devices are for namespaces that are marked", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, "/api/v1/namespaces", { metadata: { name: "plain" } });
  await post(transport, "/api/v1/namespaces", {
    metadata: { name: "admins", labels: { "resource.kubernetes.io/admin-access": "true" } },
  });
  const exactly = { deviceClassName: "c", adminAccess: true };
  const spec = { devices: { requests: [{ name: "r", exactly }] } };
  const tell = async (path: string, body: object): Promise<unknown> => {
    const answer = await post<Status>(transport, `${devices}/namespaces/${path}`, body);
    return answer.status === 201 ? "made" : answer.body.message;
  };
  const claim = { metadata: { name: "a" }, spec };
  const why =
    "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace";
  assert.equal(
    await tell("plain/resourceclaims", claim),
    `ResourceClaim.resource.k8s.io "a" is invalid: ${why}`,
  );
  assert.equal(
    await tell("plain/resourceclaimtemplates", { ...claim, spec: { spec } }),
    `ResourceClaimTemplate.resource.k8s.io "a" is invalid: ${why}`,
  );
  assert.equal(await tell("admins/resourceclaims", claim), "made");
});

test("what a driver tells of a device goes with the device", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${devices}/namespaces/default/resourceclaims`;
  const requests = [{ name: "r", exactly: { deviceClassName: "c" } }];
  await post(transport, path, { metadata: { name: "a" }, spec: { devices: { requests } } });
  const device = { driver: "d.example.com", pool: "p", device: "x" };
  const status = { allocation: { devices: { results: [{ request: "r", ...device }] } }, devices: [device] };
  const told = await merge<ResourceClaim>(transport, `${path}/a/status`, { status });
  assert.equal(told.body.status?.devices?.length, 1);
  const gone = await merge<ResourceClaim>(transport, `${path}/a/status`, { status: { allocation: null } });
  assert.deepEqual(gone.body.status, {});
  assert.deepEqual((await get<ResourceClaim>(transport, `${path}/a`)).body.status, undefined);
});

test("nobody begins to use what has no feature", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const containers = [{ name: "c", image: "x", lifecycle: { stopSignal: "SIGUSR1" } }];
  const pod = await post(transport, `${core}/pods`, {
    metadata: { name: "p" },
    spec: { containers, os: { name: "linux" } },
  });
  assert.equal(pod.status, 201);
  const [container] = (pod.body["spec"] as { containers: { lifecycle?: object }[] }).containers;
  assert.equal(container?.lifecycle, undefined);
  const lease = await post(transport, "/apis/coordination.k8s.io/v1/namespaces/default/leases", {
    metadata: { name: "l" },
    spec: { strategy: "OldestEmulationVersion", preferredHolder: "h", holderIdentity: "i" },
  });
  assert.deepEqual(lease.body["spec"], { holderIdentity: "i" });
});

test("a job's template gets each of the four labels that it lacks", async () => {
  await using server = await startTestApiserver();
  const container = { name: "c", image: "x" };
  const { status, body } = await post<Status>(server.transport(), "/apis/batch/v1/namespaces/default/jobs", {
    metadata: { name: "j" },
    spec: {
      template: {
        metadata: { labels: { "job-name": "other", "batch.kubernetes.io/controller-uid": "u" } },
        spec: { containers: [container], restartPolicy: "Never" },
      },
    },
  });
  // What was there is another job's; beside it there are this one's.
  assert.equal(status, 422);
  assert.deepEqual(
    body.details?.causes?.map(({ field }) => field),
    [
      "spec.template.metadata.labels[job-name]",
      "spec.template.metadata.labels[batch.kubernetes.io/controller-uid]",
      "spec.template.metadata.labels",
    ],
  );
});

test("a limit range that nobody named gets a name, and nothing else does", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const made = await post(transport, `${core}/limitranges`, { spec: { limits: [] } });
  assert.equal(made.status, 201);
  assert.match(made.body.metadata?.name ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const { metadata: { name = "" } = {} } = made.body;
  assert.equal((await get(transport, `${core}/limitranges/${name}`)).status, 200);
  const refused = await post(transport, `${core}/resourcequotas`, { spec: {} });
  assert.equal(
    (refused.body as unknown as Status).message,
    'ResourceQuota "" is invalid: metadata.name: Required value: name or generateName is required',
  );
});

const readiness = (status: string): object => ({
  conditions: [
    { type: "Ready", status, reason: "Why", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ],
});

test("the status of a range of services is written through the range itself, too", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const ranges = "/apis/networking.k8s.io/v1/servicecidrs";
  const range = { metadata: { name: "more" }, spec: { cidrs: ["10.99.0.0/24"] }, status: readiness("True") };
  const made = await post(transport, ranges, range);
  assert.deepEqual(made.body["status"], range.status);
  const changed = await merge(transport, `${ranges}/more`, { status: readiness("False") });
  assert.deepEqual(changed.body["status"], readiness("False"));
  const manager = changed.body.metadata?.managedFields?.at(-1);
  assert.match(JSON.stringify(manager?.fieldsV1), /"f:status"/);
});
