/** Creations, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { get, merge, post, remove } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { core, apps, deployment } from "./testing/objects.ts";

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
      deletionTimestamp: "2020-01-01T00:00:00Z",
      deletionGracePeriodSeconds: 3,
    },
    status: { replicas: 9 },
  });
  assert.equal(status, 201);
  const { uid, managedFields, ...metadata } = body.metadata ?? {};
  assert.notEqual(uid, "mine");
  assert.doesNotMatch(JSON.stringify(managedFields), /f:deletion/);
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
      'Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion',
    ],
    [
      "another version",
      `${core}/pods`,
      { apiVersion: "v2", metadata: { name: "a" } },
      400,
      'Pod in version "v2" cannot be handled as a Pod: no kind "Pod" is registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      "another version of the kind",
      "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
      { apiVersion: "autoscaling/v1", kind: "HorizontalPodAutoscaler", metadata: { name: "a" } },
      400,
      "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)",
    ],
    [
      "a kind of another group",
      `${core}/configmaps`,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" } },
      400,
      'Deployment in version "v1" cannot be handled as a ConfigMap: converting (v1.Deployment) to (core.ConfigMap): unknown conversion',
    ],
    [
      "the kind in small letters",
      "/apis/apps/v1/namespaces/default/deployments",
      { apiVersion: "apps/v1", kind: "deployment", metadata: { name: "a" } },
      400,
      'deployment in version "v1" cannot be handled as a Deployment: no kind "deployment" is registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
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

test("who is refused is told when the name will be free, or that the server could have made up another", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const metadata = { name: "a", finalizers: ["example.com/held"] };
  await post(transport, `${core}/configmaps`, { metadata });
  const named = { metadata: { name: "a", generateName: "a-" } };
  const made = await post(transport, `${core}/configmaps`, named);
  const words = "already exists, the server was not able to generate a unique name for the object";
  assert.deepEqual(
    [made.status, made.body["message"], made.body["details"]],
    [409, `configmaps "a" ${words}`, { name: "a", kind: "configmaps", retryAfterSeconds: 1 }],
  );
  await remove(transport, `${core}/configmaps/a`);
  for (const dryRun of [{}, { dryRun: "All" }]) {
    const again = await post(transport, `${core}/configmaps`, { metadata: { name: "a" } }, dryRun);
    assert.deepEqual(
      [again.status, again.body["message"]],
      [409, 'object is being deleted: configmaps "a" already exists'],
    );
  }
});

test("an IPAddress is called what its name is to begin with", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = "/apis/networking.k8s.io/v1/ipaddresses";
  const body = {
    metadata: { generateName: "10.0.0.77" },
    spec: { parentRef: { resource: "services", namespace: "default", name: "s" } },
  };
  const { body: address } = await post(transport, path, body);
  assert.equal(address.metadata?.name, "10.0.0.77");
  const second = await post(transport, path, body);
  assert.equal(second.status, 409);
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
