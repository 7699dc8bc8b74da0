/**
 * What claims of volumes are filled from, and what of volumes and claims is whose to say. Cases re-expressed from
 * pkg/registry/core/persistentvolumeclaim/strategy_test.go (TestPrepareForCreate, of which those with the features of
 * 1.35, TestDropConditions) and storage_test.go, persistentvolume/strategy_test.go and storage_test.go.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "#store/memory.ts";
import { get, merge, post, put, remove, type Answer } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
const volumes = "/api/v1/persistentvolumes";

const ofVolume = { kind: "PersistentVolumeClaim", name: "my-vol" };
const ofSnapshot = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "my-snap" };
const ofAny = { apiGroup: "generic.storage.k8s.io", kind: "Generic", name: "my-foo" };
const ofPod = { kind: "Pod", name: "my-pod" };
const elsewhere = (source: object): object => ({ ...source, namespace: "ns1" });
const mismatch = "spec: Invalid value: {}: must match dataSourceRef";
const notACluster = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";

type Source = object | undefined;
type Want = readonly [source: Source, reference: Source] | string;

const sources: readonly (readonly [name: string, source: Source, reference: Source, want: Want])[] = [
  ["nothing", undefined, undefined, [undefined, undefined]],
  ["a volume", ofVolume, undefined, [ofVolume, ofVolume]],
  ["a snapshot", ofSnapshot, undefined, [ofSnapshot, ofSnapshot]],
  ["anything, in the old field", ofAny, undefined, [undefined, undefined]],
  ["what isn't one, in the old field", ofPod, undefined, [undefined, undefined]],
  ["a volume, in the new field", undefined, ofVolume, [ofVolume, ofVolume]],
  ["a snapshot, in the new field", undefined, ofSnapshot, [ofSnapshot, ofSnapshot]],
  ["anything", undefined, ofAny, [ofAny, ofAny]],
  ["what isn't one", undefined, ofPod, notACluster],
  ["two different ones", ofVolume, ofSnapshot, mismatch],
  ["a volume elsewhere", undefined, elsewhere(ofVolume), [undefined, undefined]],
  ["a snapshot elsewhere", undefined, elsewhere(ofSnapshot), [undefined, undefined]],
  ["anything elsewhere", undefined, elsewhere(ofAny), [undefined, undefined]],
  ["a volume, and a snapshot elsewhere", ofVolume, elsewhere(ofSnapshot), [ofVolume, ofVolume]],
];

const claim = (name: string, fields: object = {}): object => ({
  metadata: { name },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10G" } }, ...fields },
});

for (const [name, dataSource, dataSourceRef, want] of sources) {
  test(`a claim that is filled from ${name}`, async () => {
    await using server = await startTestApiserver();
    const sent = claim("c", { dataSource, dataSourceRef });
    const { status, body } = await post<PersistentVolumeClaim>(server.transport(), claims, sent);
    if (typeof want === "string") {
      assert.equal(status, 422);
      assert.ok((body as { message?: string }).message?.includes(want), JSON.stringify(body));
    } else assert.deepEqual([body.spec?.dataSource, body.spec?.dataSourceRef], want);
  });
}

/** What the API refuses by name. */
const fieldsOf = ({ body }: Answer<object>): readonly (string | undefined)[] =>
  ((body as Status).details?.causes ?? []).map(({ field }) => field);

test("the status of a claim is its own: it begins as pending, and nothing else changes with it", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const status = {
    phase: "Bound",
    accessModes: ["ReadWriteOnce"],
    capacity: { storage: "10G" },
    conditions: [{ type: "Resizing", status: "True" }],
    allocatedResources: { storage: "20G" },
    allocatedResourceStatuses: { storage: "NodeResizePending" },
    currentVolumeAttributesClassName: "gold",
    modifyVolumeStatus: { targetVolumeAttributesClassName: "gold", status: "Pending" },
  };
  const made = await post<PersistentVolumeClaim>(transport, claims, { ...claim("c"), status });
  assert.deepEqual(made.body.status, { phase: "Pending" });
  const changed = { ...made.body, spec: { ...made.body.spec, volumeName: "v" }, status };
  const told = await put<PersistentVolumeClaim>(transport, `${claims}/c/status`, changed);
  assert.equal(told.status, 200, JSON.stringify(told.body));
  assert.deepEqual([told.body.spec, told.body.status], [made.body.spec, status]);
  const bound = { ...told.body, spec: { ...told.body.spec, volumeName: "v" }, status: {} };
  const named = await put<PersistentVolumeClaim>(transport, `${claims}/c`, bound);
  assert.deepEqual([named.body.spec?.volumeName, named.body.status], ["v", status]);
  const back = await merge<PersistentVolumeClaim>(transport, `${claims}/c/status`, {
    status: { conditions: null, allocatedResources: null, allocatedResourceStatuses: null },
  });
  const { conditions: _, allocatedResources: _a, allocatedResourceStatuses: _s, ...rest } = status;
  assert.deepEqual(back.body.status, rest);
});

test("what a claim is filled from never changes", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await post(transport, claims, claim("c", { dataSourceRef: ofAny }));
  assert.equal((await merge(transport, `${claims}/c`, { metadata: { labels: { a: "b" } } })).status, 200);
  // Who knows the older field alone says it again.
  const { body } = await get<PersistentVolumeClaim>(transport, `${claims}/c`);
  const { dataSourceRef, ...older } = body.spec ?? {};
  assert.deepEqual(dataSourceRef, ofAny);
  const again = await put<PersistentVolumeClaim>(transport, `${claims}/c`, { ...body, spec: older });
  assert.deepEqual([again.status, again.body.spec?.dataSourceRef], [200, ofAny]);
  const changed = await merge(transport, `${claims}/c`, { spec: { dataSourceRef: { name: "q" } } });
  assert.deepEqual(fieldsOf(changed), ["spec", "spec"]);
});

const volume = (name: string, fields: object = {}): object => ({
  metadata: { name },
  spec: {
    capacity: { storage: "10G" },
    accessModes: ["ReadWriteOnce"],
    hostPath: { path: "/foo" },
    persistentVolumeReclaimPolicy: "Retain",
    ...fields,
  },
});

test("a volume begins as pending, and nothing else changes with its status", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const said = { phase: "Bound", message: "bar", reason: "foo" };
  const made = await post<PersistentVolume>(transport, volumes, { ...volume("v"), status: said });
  const { lastPhaseTransitionTime: at, ...status } = made.body.status ?? {};
  assert.deepEqual([status, typeof at], [{ phase: "Pending" }, "string"]);
  const larger = await merge<PersistentVolume>(transport, `${volumes}/v`, {
    spec: { capacity: { storage: "20G" } },
    status: said,
  });
  assert.deepEqual([larger.body.spec?.capacity, larger.body.status], [{ storage: "20G" }, made.body.status]);
  const told = await merge<PersistentVolume>(transport, `${volumes}/v/status`, {
    spec: { capacity: { storage: "30G" } },
    status: { ...said, lastPhaseTransitionTime: "2025-01-01T00:00:00Z" },
  });
  assert.deepEqual(told.body.spec, larger.body.spec);
  assert.deepEqual(told.body.status, { ...said, lastPhaseTransitionTime: "2025-01-01T00:00:00Z" });
  const gone = await remove<PersistentVolume>(transport, `${volumes}/v`);
  assert.deepEqual([gone.status, gone.body.metadata?.name], [200, "v"]);
  assert.deepEqual(fieldsOf(await post(transport, volumes, volume("*BadName!"))), ["metadata.name"]);
});

const was = "2025-06-01T00:00:00Z";
const now = "2026-01-01T00:00:00Z";
const said = "2025-07-01T00:00:00Z";
const transitions: readonly (readonly [
  name: string,
  before: string | undefined,
  change: readonly [phase: string, time?: string | undefined],
  after: string | undefined,
])[] = [
  ["the same phase", undefined, ["Pending"], undefined],
  ["the same phase, since when is known", was, ["Pending"], was],
  ["the same phase, and since when", was, ["Pending", said], said],
  ["the same phase, and since when at last", undefined, ["Pending", said], said],
  ["another phase", undefined, ["Available"], now],
  ["another phase, since when the last one was is known", was, ["Available"], now],
  ["another phase, since the last one", was, ["Available", was], now],
  ["another phase, and since when", was, ["Available", said], said],
];
for (const [name, before, [phase, time], after] of transitions) {
  test(`when a volume came into its phase: it is said to be of ${name}`, async () => {
    const store = openMemoryStore({ clock: new ManualClock(), log: silentLogger });
    const status = { phase: "Pending", ...(before === undefined ? {} : { lastPhaseTransitionTime: before }) };
    const { metadata, ...rest } = volume("v") as AnyObject;
    const stored = {
      kind: "PersistentVolume",
      apiVersion: "v1",
      metadata: { ...metadata, uid: "u" },
      ...rest,
    };
    const bytes = Buffer.from(JSON.stringify({ ...stored, status }));
    await store.create("/registry/persistentvolumes/v", bytes);
    await using server = await startTestApiserver({ store, clock: new ManualClock() });
    const { body } = await get<PersistentVolume>(server.transport(), `${volumes}/v`);
    const told = await put<PersistentVolume>(server.transport(), `${volumes}/v/status`, {
      ...body,
      status: { phase, ...(time === undefined ? {} : { lastPhaseTransitionTime: time }) },
    });
    assert.deepEqual([told.body.status?.phase, told.body.status?.lastPhaseTransitionTime], [phase, after]);
  });
}
