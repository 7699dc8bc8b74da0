/** Updates and patches, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, type Answer, get, merge, post, put } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { core, apps, pod, deployment } from "./testing/objects.ts";

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
      'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    ],
  );
});

test("spec and status each have their own door", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${apps}/deployments/web`;
  const { body: made } = await post(transport, `${apps}/deployments`, deployment("web"));
  const scaled = await merge(transport, path, { spec: { replicas: 3 }, status: { replicas: 9 } });
  assert.deepEqual([scaled.body.metadata?.generation, scaled.body["status"]], [2, undefined]);
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
  const patch = (contentType: string, body: unknown): Promise<Answer> =>
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
  assert.deepEqual([unknown.status, unknown.body["message"]], [415, "415: Unsupported Media Type"]);
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
