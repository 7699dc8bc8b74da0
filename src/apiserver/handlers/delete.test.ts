/** Deletions, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { ManualClock } from "#base/clock.ts";
import { get, merge, post, remove } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { core, apps, deployment } from "./testing/objects.ts";

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
      `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID in record (${body.metadata?.uid ?? ""}). The object might have been deleted and then recreated`,
    ],
  );
  assert.equal((await remove(transport, path, { preconditions: { resourceVersion: "1" } })).status, 409);
  const good = { preconditions: { uid: body.metadata?.uid, resourceVersion: "2" } };
  assert.equal((await remove(transport, path, good)).status, 200);
});

test("options of a deletion are of any version, but of no other kind", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/configmaps`, { metadata: { name: "a" } });
  const path = `${core}/configmaps/a`;
  const other = await remove(transport, path, { kind: "Pod", apiVersion: "v1" });
  assert.deepEqual(
    [other.status, other.body["message"]],
    [
      400,
      'no kind "Pod" is registered for version "v1" in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
    ],
  );
  assert.equal((await remove(transport, path, { kind: "DeleteOptions", apiVersion: "v2" })).status, 200);
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
