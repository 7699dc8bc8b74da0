/**
 * How namespaces go. Cases re-expressed from pkg/registry/core/namespace/storage/storage_test.go (TestDelete…,
 * TestUpdateDeleting…, TestFinalizeDeleting…, TestDeleteWithGCFinalizers) and strategy_test.go.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "#store/memory.ts";
import { get, merge, post, put, remove } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const path = "/api/v1/namespaces";
const own = "example.com/foo";
const orphan = "orphan";
const foreground = "foregroundDeletion";

interface Stored {
  readonly finalizers?: readonly string[];
  readonly spec?: readonly string[];
  readonly isGoing?: boolean;
}

/** With one namespace, "foo", stored like that. */
async function start({ finalizers, spec = [], isGoing = false }: Stored): Promise<TestApiserver> {
  const store = openMemoryStore({ clock: new ManualClock(), log: silentLogger });
  const namespace = {
    kind: "Namespace",
    apiVersion: "v1",
    metadata: {
      name: "foo",
      uid: "u",
      ...(isGoing ? { deletionTimestamp: "2025-01-01T00:00:00Z" } : {}),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
    spec: { finalizers: spec },
    status: { phase: "Active" },
  };
  await store.create("/registry/namespaces/foo", Buffer.from(JSON.stringify(namespace)));
  return startTestApiserver({ store, clock: new ManualClock() });
}

const isThere = async (server: TestApiserver): Promise<boolean> =>
  (await get(server.transport(), `${path}/foo`)).status === 200;

const deletions: readonly (readonly [
  options: object,
  before: readonly string[],
  after: readonly string[],
])[] = [
  [{}, [orphan], [orphan]],
  [{}, [foreground], [foreground]],
  [{}, [orphan, foreground], [orphan, foreground]],
  [{}, [], []],
  [{ propagationPolicy: "Background" }, [orphan], []],
  [{ propagationPolicy: "Background" }, [foreground], []],
  [{ propagationPolicy: "Background" }, [], []],
  [{ propagationPolicy: "Foreground" }, [orphan], [foreground]],
  [{ propagationPolicy: "Foreground" }, [foreground], [foreground]],
  [{ propagationPolicy: "Foreground" }, [], [foreground]],
  [{ propagationPolicy: "Orphan" }, [orphan], [orphan]],
  [{ propagationPolicy: "Orphan" }, [foreground], [orphan]],
  [{ propagationPolicy: "Orphan" }, [own], [own, orphan]],
  [{ orphanDependents: true }, [orphan], [orphan]],
  [{ orphanDependents: true }, [foreground], [orphan]],
  [{ orphanDependents: true }, [], [orphan]],
  [{ orphanDependents: false }, [orphan], [foreground]],
  [{ orphanDependents: false }, [], [foreground]],
];
for (const [options, before, after] of deletions) {
  test(`a deletion with ${JSON.stringify(options)} of a namespace with [${before.join()}]`, async () => {
    await using server = await start({ finalizers: before });
    const { body } = await remove<Namespace>(server.transport(), `${path}/foo`, options);
    const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = body.metadata ?? {};
    assert.deepEqual(
      [body.status?.phase, deletionTimestamp, deletionGracePeriodSeconds, finalizers],
      ["Terminating", "2026-01-01T00:00:00Z", undefined, after],
    );
    // The first deletion removes it never.
    assert.equal(await isThere(server), true);
  });
}

const isGoing = true;
const kubernetes = ["kubernetes"];

test("a namespace that is leaving stays for its own finalizers, whatever else is asked for", async () => {
  await using server = await start({ isGoing, spec: kubernetes });
  const first = await get<Namespace>(server.transport(), `${path}/foo`);
  const options = { propagationPolicy: "Foreground" };
  const again = await remove<Namespace>(server.transport(), `${path}/foo`, options);
  assert.deepEqual([again.status, again.body], [200, first.body]);
  const wrong = await remove(server.transport(), `${path}/foo`, { preconditions: { uid: "other" } });
  assert.equal(
    wrong.body["message"],
    'Operation cannot be fulfilled on namespaces "foo": Precondition failed: UID in precondition: other, UID in object meta: u',
  );
});

test("a namespace that is leaving goes with a deletion once its finalizers are empty", async () => {
  await using server = await start({ isGoing });
  assert.equal((await remove<Namespace>(server.transport(), `${path}/foo`)).body.metadata?.name, "foo");
  assert.equal(await isThere(server), false);
  await using kept = await start({ isGoing, finalizers: [own] });
  const { body } = await remove<Namespace>(kept.transport(), `${path}/foo`);
  assert.deepEqual([body.metadata?.deletionGracePeriodSeconds, body.status?.phase], [0, "Active"]);
  assert.equal(await isThere(kept), true);
});

const changes: readonly (readonly [stored: Stored, change: object, to: string, stays: boolean])[] = [
  [{ finalizers: [own] }, {}, "", true],
  [{ spec: kubernetes }, {}, "", true],
  [{ finalizers: [own] }, { metadata: { finalizers: [] } }, "", false],
  [{ finalizers: [own], spec: kubernetes }, { metadata: { finalizers: [] } }, "", true],
  [{}, {}, "", false],
  [{ spec: kubernetes }, { spec: { finalizers: [] } }, "", true],
  [{ spec: kubernetes }, { spec: { finalizers: [] } }, "/finalize", false],
  [{ finalizers: [own], spec: kubernetes }, { spec: { finalizers: [] } }, "/finalize", true],
  [{ spec: [...kubernetes, own] }, { spec: { finalizers: [own] } }, "/finalize", true],
];
for (const [stored, change, to, stays] of changes) {
  test(`a leaving namespace with ${JSON.stringify(stored)}, and ${to}${JSON.stringify(change)}`, async () => {
    await using server = await start({ ...stored, isGoing });
    const transport = server.transport();
    const { metadata, ...rest } = (await get<Namespace>(transport, `${path}/foo`)).body;
    const { metadata: changedMetadata, ...changed } = change as Namespace;
    const body = { ...rest, ...changed, metadata: { ...metadata, ...changedMetadata } };
    assert.equal((await put(transport, `${path}/foo${to}`, body)).status, 200);
    assert.equal(await isThere(server), stays);
  });
}

const seen = ({ metadata, spec, status }: Namespace): readonly unknown[] => [metadata?.labels, spec, status];

test("what of a namespace is whose to say", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const made = await post<Namespace>(transport, path, {
    metadata: { name: "foo", labels: { "kubernetes.io/metadata.name": "other" } },
    spec: { finalizers: [own] },
    status: { phase: "Terminating" },
  });
  const label = { "kubernetes.io/metadata.name": "foo" };
  const both = { finalizers: [own, "kubernetes"] };
  assert.deepEqual(seen(made.body), [label, both, { phase: "Active" }]);
  const change = {
    metadata: { labels: { "kubernetes.io/metadata.name": null } },
    spec: { finalizers: ["a/b"] },
    status: { phase: "Terminating" },
  };
  const updated = await merge<Namespace>(transport, `${path}/foo`, change);
  assert.deepEqual(seen(updated.body), [label, both, { phase: "Active" }]);
  // Who is not leaving can't be said to be, nor the other way round.
  const status = await merge(transport, `${path}/foo/status`, { status: change.status });
  assert.equal(status.status, 422);
  const finalized = await put<Namespace>(transport, `${path}/foo/finalize`, {
    metadata: { name: "foo" },
    spec: { finalizers: [own] },
    status: change.status,
  });
  assert.deepEqual(finalized.body.status, { phase: "Active" });
  assert.deepEqual(finalized.body.spec, { finalizers: [own] });
});
