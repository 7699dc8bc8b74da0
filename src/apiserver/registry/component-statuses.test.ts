/** Cases re-expressed from pkg/registry/core/componentstatus/rest_test.go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ComponentStatus } from "#api/generated/types/core-v1.ts";
import { get } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const path = "/api/v1/componentstatuses";

const start = (): Promise<TestApiserver> =>
  startTestApiserver({
    probes: [
      { name: "scheduler", check: () => Promise.resolve(undefined) },
      { name: "etcd-0", check: () => Promise.resolve("no answer") },
    ],
  });

test("components are well or say why not", async () => {
  await using server = await start();
  const { body } = await get<{ items: readonly ComponentStatus[] }>(server.transport(), path);
  assert.deepEqual(
    body.items.map(({ metadata, conditions }) => [metadata?.name, conditions]),
    [
      ["scheduler", [{ type: "Healthy", status: "True", message: "ok" }]],
      ["etcd-0", [{ type: "Healthy", status: "False", message: "", error: "no answer" }]],
    ],
  );
  const one = await get<ComponentStatus>(server.transport(), `${path}/scheduler`);
  assert.deepEqual(one.body.conditions, body.items[0]?.conditions);
  const none = await get(server.transport(), `${path}/nope`);
  assert.deepEqual([none.status, none.body["message"]], [404, 'componentstatus "nope" not found']);
});

test("components are selected as whatever else is listed", async () => {
  await using server = await start();
  const both = ["scheduler", "etcd-0"];
  const unknown = '"testField" is not a known field selector: only "metadata.name", "metadata.namespace"';
  for (const [query, want] of [
    [{}, both],
    [{ labelSelector: "testLabel=testValue" }, []],
    [{ labelSelector: "!testLabel" }, both],
    [{ fieldSelector: "metadata.name=etcd-0" }, ["etcd-0"]],
    [{ fieldSelector: "metadata.name!=etcd-0" }, ["scheduler"]],
    [{ fieldSelector: "metadata.name=etcd-0", labelSelector: "testLabel" }, []],
    [{ fieldSelector: "testField=testValue" }, unknown],
  ] as const) {
    const { body } = await get<{ items?: readonly ComponentStatus[]; message?: string }>(
      server.transport(),
      path,
      undefined,
      query,
    );
    assert.deepEqual(body.message ?? body.items?.map(({ metadata }) => metadata?.name), want);
  }
});
