/** What upstream's conformance demands of the garbage collector. Nothing runs: there is no node. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";
import { gone, isGone, makeNamespace, named, podSpec } from "./core-objects.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

const owner = (object: Json, more: Json = {}): Json => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: at(object, "metadata.name"),
  uid: at(object, "metadata.uid"),
  ...more,
});

function garbageCollector(): void {
  test("a dependency circle blocks nobody", async () => {
    const path = `${await makeNamespace(api, "gc-circle")}/pods`;
    const make = (name: string): Promise<Json> => api.create(path, named(name, {}, { spec: podSpec }));
    const pods = await Promise.all([make("p1"), make("p2"), make("p3")]);
    for (const [index, of] of [2, 0, 1].entries()) {
      const reference = owner(pods[of] ?? {}, { kind: "Pod", controller: true, blockOwnerDeletion: true });
      await api.merge(`${path}/p${index + 1}`, { metadata: { ownerReferences: [reference] } });
    }
    await api.must("DELETE", `${path}/p1`, { body: { propagationPolicy: "Foreground" } });
    for (const pod of ["p1", "p2", "p3"]) await gone(api, `${path}/${pod}`);
  });

  test("a dependent with a valid owner outlives the owner that waits for its dependents", async () => {
    const path = `${await makeNamespace(api, "gc-two-owners")}/configmaps`;
    const going = await api.create(path, named("going"));
    const staying = await api.create(path, named("staying"));
    const blocks = { blockOwnerDeletion: true };
    await api.create(path, named("one", { ownerReferences: [owner(going, blocks)] }));
    await api.create(path, named("both", { ownerReferences: [owner(going, blocks), owner(staying)] }));
    await api.must("DELETE", `${path}/going`, { body: { propagationPolicy: "Foreground" } });
    await gone(api, `${path}/going`);
    assert.ok(await isGone(api, `${path}/one`));
    const both = await api.get(`${path}/both`);
    assert.deepEqual(at(both, "metadata.ownerReferences"), [owner(staying)]);
    assert.equal(at(both, "metadata.deletionTimestamp"), undefined);
  });

  test("an owner stays until all its dependents are deleted if the options say so", async () => {
    const path = `${await makeNamespace(api, "gc-foreground")}/configmaps`;
    const top = await api.create(path, named("top"));
    const held = {
      ownerReferences: [owner(top, { blockOwnerDeletion: true })],
      finalizers: ["example.com/hold"],
    };
    await api.create(path, named("held", held));
    await api.must("DELETE", `${path}/top`, { body: { propagationPolicy: "Foreground" } });
    await eventually(
      "the dependent is told to go",
      waitMs,
      async () => at(await api.get(`${path}/held`), "metadata.deletionTimestamp") !== undefined,
    );
    assert.deepEqual(at(await api.get(`${path}/top`), "metadata.finalizers"), ["foregroundDeletion"]);
    await api.merge(`${path}/held`, { metadata: { finalizers: null } });
    await gone(api, `${path}/top`);
  });
}

const countOf = async (path: string): Promise<number> => ((await api.get(path))["items"] as unknown[]).length;

/** The paths of its deployment, of replica sets and of pods; two pods are there. */
async function deployed(name: string): Promise<{ deployment: Json; paths: string[] }> {
  const core = await makeNamespace(api, name);
  const apps = core.replace("/api/v1", "/apis/apps/v1");
  const paths = [`${apps}/deployments`, `${apps}/replicasets`, `${core}/pods`];
  const labels = { app: "d" };
  const template = { metadata: { labels }, spec: podSpec };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  const deployment = await api.create(paths[0] ?? "", named("simpletest.deployment", {}, { spec }));
  await eventually("its set has seen two pods", waitMs, async () => {
    const [set] = (await api.get(paths[1] ?? ""))["items"] as Json[];
    return set !== undefined && at(set, "status.replicas") === 2;
  });
  return { deployment, paths };
}

const remove = (path: string, deployment: Json, propagationPolicy: string): Promise<Json> =>
  api.must("DELETE", `${path}/simpletest.deployment`, {
    body: { propagationPolicy, preconditions: { uid: textAt(deployment, "metadata.uid") } },
  });

function deployments(): void {
  test("a deployment's replica set and pods go with it when they aren't orphaned", async () => {
    const { deployment, paths } = await deployed("gc-background");
    await remove(paths[0] ?? "", deployment, "Background");
    for (const path of paths) {
      await eventually(`${path} is empty`, waitMs, async () => (await countOf(path)) === 0);
    }
  });

  test("a deployment's replica set and pods stay when they are orphaned", async () => {
    const { deployment, paths } = await deployed("gc-orphan");
    const [deploymentsPath = "", sets = "", pods = ""] = paths;
    await remove(deploymentsPath, deployment, "Orphan");
    await gone(api, `${deploymentsPath}/simpletest.deployment`);
    assert.deepEqual([await countOf(sets), await countOf(pods)], [1, 2]);
    const [set] = (await api.get(sets))["items"] as Json[];
    assert.equal(at(set, "metadata.ownerReferences"), undefined);
  });
}

suite("conformance: garbage collector", { timeout: 120_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("owners and dependents", garbageCollector);
  suite("deployments", deployments);
});
