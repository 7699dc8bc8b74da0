/** What a binding demands of its pod and brings to it. Cases of upstream's pkg/registry/core/pod/storage/storage_test.go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { get, post } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";
const target = { kind: "Node", name: "machine" };
const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "x" }] } };

for (const uid of ["own", "none", "another"] as const) {
  for (const revision of ["own", "none", "another"] as const) {
    const isBound = uid !== "another" && revision !== "another";
    test(`a binding of ${uid} UID and ${revision} revision ${isBound ? "is made" : "is a conflict"}`, async () => {
      await using server = await startTestApiserver();
      const transport = server.transport();
      const { body } = await post<Pod>(transport, `${core}/pods`, pod);
      const demand = (which: typeof uid, text = ""): string =>
        which === "none" ? "" : which === "own" ? text : `${text}-changed`;
      const metadata = {
        name: "p",
        uid: demand(uid, body.metadata?.uid),
        resourceVersion: demand(revision, body.metadata?.resourceVersion),
      };
      const { status } = await post(transport, `${core}/pods/p/binding`, { metadata, target });
      assert.equal(status, isBound ? 201 : 409);
      const after = await get<Pod>(transport, `${core}/pods/p`);
      assert.equal(after.body.spec?.nodeName, isBound ? "machine" : undefined);
    });
  }
}

test("annotations and labels come with it; its namespace is the request's", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/pods`, pod);
  const mismatch = "the namespace of the provided object does not match the namespace sent on the request";
  const elsewhere = { metadata: { name: "p", namespace: "other" }, target };
  for (const path of ["pods/p/binding", "bindings", "pods/p/eviction"]) {
    const { status, body } = await post(transport, `${core}/${path}`, elsewhere);
    assert.deepEqual([path, status, body["message"]], [path, 400, mismatch]);
  }
  const metadata = { name: "p", annotations: { a: "1" }, labels: { l: "2" } };
  assert.equal((await post(transport, `${core}/pods/p/binding`, { metadata, target })).status, 201);
  const { body } = await get<Pod>(transport, `${core}/pods/p`);
  assert.deepEqual(
    [body.metadata?.annotations, body.metadata?.labels],
    [metadata.annotations, metadata.labels],
  );
});

test("of one that isn't its pod's own the UID doesn't count", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, `${core}/pods`, pod);
  const binding = { metadata: { name: "p", uid: "u" }, target };
  assert.equal((await post(transport, `${core}/pods/p/binding`, binding)).status, 409);
  assert.equal((await post(transport, `${core}/bindings`, binding)).status, 201);
});
