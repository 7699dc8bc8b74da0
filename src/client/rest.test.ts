import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import {
  isAlreadyExists,
  isConflict,
  isExpired,
  isNotFound,
  tooManyRequestsError,
} from "#api/meta/status.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { clusterRoles, configMaps, deployments, nodes, pods } from "#api/resources.ts";
import type { ApiRequest, Client } from "./client.ts";
import { createFakeClient } from "./testing/fake-transport.ts";

/** What a call sends. */
async function sent(call: (client: Client) => Promise<unknown>): Promise<ApiRequest> {
  const { client, api } = createFakeClient();
  api.intercept(() => ({ kind: "Whatever" }));
  await call(client).catch(() => undefined);
  const request = api.requests[0];
  assert.ok(request !== undefined);
  return request;
}

const paths: readonly (readonly [string, (client: Client) => Promise<unknown>, string])[] = [
  ["core, namespaced", (c) => c.resource(pods, "ns").get("a"), "GET /api/v1/namespaces/ns/pods/a"],
  ["core, all namespaces", (c) => c.resource(pods).list(), "GET /api/v1/pods"],
  ["core, cluster-scoped", (c) => c.resource(nodes).get("n1"), "GET /api/v1/nodes/n1"],
  [
    "a namespace given for a cluster-scoped resource",
    (c) => c.resource(nodes, "ns").get("n1"),
    "GET /api/v1/nodes/n1",
  ],
  ["a group", (c) => c.resource(deployments, "ns").get("a"), "GET /apis/apps/v1/namespaces/ns/deployments/a"],
  [
    "a name that needs escaping",
    (c) => c.resource(clusterRoles).get("system:a/b"),
    "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb",
  ],
  [
    "status",
    (c) => c.resource(pods, "ns").updateStatus({ metadata: { name: "a" } }),
    "PUT /api/v1/namespaces/ns/pods/a/status",
  ],
  [
    "a subresource",
    (c) => c.resource(pods, "ns").subresource("a", "binding").create({}),
    "POST /api/v1/namespaces/ns/pods/a/binding",
  ],
  [
    "a patched subresource",
    (c) => c.resource(pods, "ns").patch("a", "merge", {}, { subresource: "status" }),
    "PATCH /api/v1/namespaces/ns/pods/a/status",
  ],
  ["delete", (c) => c.resource(pods, "ns").delete("a"), "DELETE /api/v1/namespaces/ns/pods/a"],
  ["deletecollection", (c) => c.resource(pods, "ns").deleteCollection(), "DELETE /api/v1/namespaces/ns/pods"],
];
for (const [name, call, wanted] of paths) {
  test(`path: ${name}`, async () => {
    const { method, path } = await sent(call);
    assert.equal(`${method} ${path}`, wanted);
  });
}

test("a nameless delete is refused before it can hit the collection", () => {
  const { client } = createFakeClient();
  assert.throws(() => client.resource(pods, "ns").delete(""), TypeError);
});

test("options become parameters and bodies", async () => {
  const apply = await sent((c) =>
    c.resource(pods, "ns").patch("a", "apply", {}, { fieldManager: "me", force: true, dryRun: true }),
  );
  assert.equal(apply.contentType, "application/apply-patch+yaml");
  assert.deepEqual({ ...apply.query }, { fieldManager: "me", dryRun: "All", force: "true" });
  const removal = await sent((c) =>
    c
      .resource(pods, "ns")
      .delete("a", { gracePeriodSeconds: 0, propagationPolicy: "Orphan", preconditions: { uid: "u" } }),
  );
  assert.deepEqual(removal.body, {
    kind: "DeleteOptions",
    apiVersion: "v1",
    gracePeriodSeconds: 0,
    propagationPolicy: "Orphan",
    preconditions: { uid: "u" },
  });
  const created = await sent((c) => c.resource(pods, "ns").create({ metadata: { name: "a" } }));
  assert.deepEqual(created.body, { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } });
});

test("a request that the server puts off is sent again after the time it names", async () => {
  const clock = new ManualClock();
  const { client, api } = createFakeClient({
    clock,
    objects: [{ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }],
  });
  const heal = api.intercept(() => tooManyRequestsError("too many requests, please try again later", 2));
  const answer = client.resource(nodes).get("n1");
  await settle();
  await clock.advance(1900);
  heal();
  assert.equal(api.requests.length, 1);
  await clock.advance(100);
  assert.equal((await answer).metadata?.name, "n1");
});

const map = (name: string, extra: Partial<ConfigMap> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns", ...extra.metadata },
  data: extra.data,
});

test("the fake: create, conflict, update, patch, delete", async () => {
  const { client } = createFakeClient();
  const resource = client.resource(configMaps, "ns");
  const first = await resource.create(map("a"));
  await assert.rejects(resource.create(map("a")), isAlreadyExists);
  assert.match(
    (await resource.create({ metadata: { generateName: "b-" } })).metadata?.name ?? "",
    /^b-[a-z0-9]{5}$/,
  );
  const second = await resource.update({ ...first, data: { k: "1" } });
  await assert.rejects(resource.update({ ...first, data: { k: "2" } }), isConflict);
  assert.equal((await resource.patch("a", "merge", { data: { k: null, l: "2" } })).data?.["l"], "2");
  await assert.rejects(
    resource.delete("a", { preconditions: { resourceVersion: second.metadata?.resourceVersion } }),
    isConflict,
  );
  await resource.delete("a");
  await assert.rejects(resource.get("a"), isNotFound);
});

test("the fake: a finalizer holds an object until it is taken away", async () => {
  const { client } = createFakeClient();
  const resource = client.resource(configMaps, "ns");
  await resource.create(map("a", { metadata: { finalizers: ["x/y"] } }));
  await resource.delete("a");
  const dying = await resource.get("a");
  assert.equal(dying.metadata?.deletionTimestamp, "2026-01-01T00:00:00Z");
  await resource.update({ ...dying, metadata: { ...dying.metadata, finalizers: [] } });
  await assert.rejects(resource.get("a"), isNotFound);
});

test("the fake: status and spec are written apart; a new spec is a new generation", async () => {
  const { client } = createFakeClient();
  const resource = client.resource(deployments, "ns");
  const made = await resource.create({
    metadata: { name: "web" },
    spec: { replicas: 1, selector: {}, template: {} },
  });
  assert.equal(made.metadata?.generation, 1);
  const told = await resource.updateStatus({
    ...made,
    spec: { selector: {}, template: {} },
    status: { replicas: 1 },
  });
  assert.deepEqual([told.spec?.replicas, told.status?.replicas, told.metadata?.generation], [1, 1, 1]);
  const grown = await resource.update({
    ...told,
    spec: { ...told.spec, replicas: 2, selector: {}, template: {} },
    status: {},
  });
  assert.deepEqual([grown.spec?.replicas, grown.status?.replicas, grown.metadata?.generation], [2, 1, 2]);
});

test("the fake: selectors, watch with transitions, 410 after compaction", async () => {
  const { client, api } = createFakeClient();
  const resource = client.resource(configMaps, "ns");
  const a = await resource.create(map("a", { metadata: { labels: { app: "x" } } }));
  await resource.create(map("b"));
  assert.equal((await resource.list({ labelSelector: "app=x" })).items.length, 1);
  assert.equal((await resource.list({ fieldSelector: "metadata.name!=a" })).items[0]?.metadata?.name, "b");
  const stop = new AbortController();
  const resourceVersion = a.metadata?.resourceVersion;
  const watch = resource.watch({ labelSelector: "app=x", resourceVersion }, stop.signal);
  const events = watch[Symbol.asyncIterator]();
  await resource.patch("b", "merge", { metadata: { labels: { app: "x" } } });
  await resource.patch("b", "merge", { metadata: { labels: null } });
  assert.equal(((await events.next()).value as { type: string }).type, "ADDED");
  assert.equal(((await events.next()).value as { type: string }).type, "DELETED");
  stop.abort();
  api.store.compact();
  await assert.rejects(async () => {
    const late = resource.watch({ resourceVersion }, stop.signal);
    await late[Symbol.asyncIterator]().next();
  }, isExpired);
});

test("the fake: a binding puts a pod on a node once", async () => {
  const { client } = createFakeClient({
    objects: [{ apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "ns" } }],
  });
  const binding = client.resource(pods, "ns").subresource("a", "binding");
  await binding.create({ target: { kind: "Node", name: "n1" } });
  const pod = await client.resource(pods, "ns").get("a");
  assert.equal(pod.spec?.nodeName, "n1");
  assert.deepEqual(
    pod.status?.conditions?.map(({ type, status }) => [type, status]),
    [["PodScheduled", "True"]],
  );
  await assert.rejects(binding.create({ target: { kind: "Node", name: "n2" } }), isConflict);
});
