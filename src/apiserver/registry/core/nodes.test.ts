/**
 * What of a node is whose to say, and what nobody begins to say. Cases re-expressed from
 * pkg/registry/core/node/strategy_test.go (TestDropFields, TestValidate, TestValidateUpdate).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/generated/types/core-v1.ts";
import { nodes as resource } from "#api/resources.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "#store/memory.ts";
import { merge, post, put } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const path = "/api/v1/nodes";
const configSource = { configMap: { name: "c", namespace: "n", kubeletConfigKey: "k" } };
const config = { error: "e" };
const declaredFeatures = ["a"];

async function start(spec: object, status: object): Promise<TestApiserver> {
  const store = openMemoryStore({ clock: new ManualClock(), log: silentLogger });
  const stored = { kind: "Node", apiVersion: "v1", metadata: { name: "n", uid: "u" }, spec, status };
  await store.create("/registry/minions/n", Buffer.from(JSON.stringify(stored)));
  return startTestApiserver({ store });
}

const both = [
  [["2000::/10"]],
  [["10.0.0.0/8"]],
  [["10.0.0.0/8", "2000::/10"]],
  [["2000::/10", "10.0.0.0/8"]],
] as const;
for (const [podCIDRs] of both) {
  test(`a node of the ranges ${podCIDRs.join(" and ")}`, async () => {
    await using server = await startTestApiserver();
    const { body } = await post<Node>(server.transport(), path, {
      metadata: { name: "n" },
      spec: { podCIDR: podCIDRs[0], podCIDRs, configSource },
      status: { config, declaredFeatures, capacity: { "hugepages-2Mi": "0", "hugepages-1Gi": "2Gi" } },
    });
    assert.deepEqual(body.spec, { podCIDR: podCIDRs[0], podCIDRs });
    const { capacity, config: kept, declaredFeatures: declared } = body.status ?? {};
    assert.deepEqual(
      [capacity, kept, declared],
      [{ "hugepages-2Mi": "0", "hugepages-1Gi": "2Gi" }, undefined, undefined],
    );
  });
}

test("who says one range only is understood, too", async () => {
  await using server = await startTestApiserver();
  const { body } = await post<Node>(server.transport(), path, {
    metadata: { name: "n" },
    spec: { podCIDR: "10.0.0.0/8" },
  });
  assert.deepEqual(body.spec, { podCIDR: "10.0.0.0/8", podCIDRs: ["10.0.0.0/8"] });
});

test("an update through the node leaves its status alone, and begins nothing that is gone", async () => {
  for (const [spec, status, want] of [
    [{}, {}, {}],
    [{ configSource }, { config }, { configSource }],
    [{}, { config }, {}],
  ] as const) {
    await using server = await start(spec, status);
    const sent = { metadata: { name: "n" }, spec: { configSource }, status: { config, declaredFeatures } };
    const { body } = await put<Node>(server.transport(), `${path}/n`, sent);
    assert.deepEqual(body.spec, want);
    assert.deepEqual(
      [body.status?.config, body.status?.declaredFeatures],
      [Object.values(status)[0], undefined],
    );
  }
});

test("an update of the status leaves the node alone, and begins nothing that is gone", async () => {
  const features = { supplementalGroupsPolicy: true };
  const runtimeHandlers = [{ name: "runc", features: { recursiveReadOnlyMounts: true } }];
  for (const old of [{}, { config }, { declaredFeatures }, { config, declaredFeatures }] as const) {
    await using server = await start({ podCIDRs: ["10.0.0.0/8"], podCIDR: "10.0.0.0/8" }, old);
    const status = { config, declaredFeatures, features, runtimeHandlers };
    const { body } = await merge<Node>(server.transport(), `${path}/n/status`, {
      spec: { unschedulable: true, configSource },
      status,
    });
    assert.deepEqual(body.spec, { podCIDR: "10.0.0.0/8", podCIDRs: ["10.0.0.0/8"] });
    const seen = body.status ?? {};
    assert.deepEqual([seen.features, seen.runtimeHandlers], [features, runtimeHandlers]);
    assert.deepEqual(
      [seen.config, seen.declaredFeatures],
      ["config" in old ? config : undefined, "declaredFeatures" in old ? declaredFeatures : undefined],
    );
  }
});

const pages = (small: string): object => ({ capacity: { "hugepages-2Mi": small, "hugepages-1Gi": "2Gi" } });

test("a node's large pages may be of several sizes, and become more", async () => {
  for (const before of ["0", "1Gi"]) {
    await using server = await start({}, pages(before));
    const { status, body } = await merge<Node>(server.transport(), `${path}/n/status`, {
      status: pages("2Gi"),
    });
    assert.deepEqual(
      [status, body.status?.capacity],
      [200, { "hugepages-2Mi": "2Gi", "hugepages-1Gi": "2Gi" }],
    );
  }
});

test("nodes are selected by whether pods may come to them", async () => {
  await using server = await startTestApiserver();
  const client = server.client();
  for (const [name, unschedulable] of [
    ["a", true],
    ["b", false],
  ] as const) {
    await client.resource(resource).create({ metadata: { name }, spec: { unschedulable } });
  }
  const named = async (fieldSelector: string): Promise<readonly (string | undefined)[]> =>
    (await client.resource(resource).list({ fieldSelector })).items.map(({ metadata }) => metadata?.name);
  assert.deepEqual(await named("spec.unschedulable=true"), ["a"]);
  assert.deepEqual(await named("spec.unschedulable=false"), ["b"]);
  assert.deepEqual(await named("metadata.name=b"), ["b"]);
  await assert.rejects(named("foo=bar"), /field label not supported: foo/);
});
