/** What upstream's conformance demands of every kind that is generally available: each operation, as raw requests. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Json } from "./api-client.ts";
import { kinds, pathOf } from "./kinds.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

suite("conformance of operations", { timeout: 120_000 }, () => {
  before(async () => {
    const early = ["admissionregistration.k8s.io", "certificates.k8s.io", "storagemigration.k8s.io"];
    const served = early.map((group) => `${group}/v1beta1=true`).join(",");
    server = await startBareServer(["--runtime-config", served]);
    api = await ApiClient.of(server.kubeconfig);
    await api.create("/api/v1/namespaces", { metadata: { name: "operations" } });
  });
  after(() => server[Symbol.asyncDispose]());

  for (const kind of kinds) {
    test(`every operation on ${kind.path}`, async () => {
      const path = pathOf(kind);
      await inDiscovery(path, kind.status !== undefined);
      const e2e = kind.path.replaceAll(/\W+/g, "-").replace(/.*io-v1(beta1)?-(?=.)|^-/, "");
      const selected = `${path}?labelSelector=e2e%3D${e2e}`;
      using watching = await api.watch(`${selected}&watch=1`);
      const make = (name: string): Promise<Json> =>
        api.create(path, { ...kind.object, metadata: { name, labels: { e2e } } });
      const made = await make("e2e-a");
      for (const name of ["e2e-b", "e2e-c"]) await make(name);
      const found = await api.get(`${path}/e2e-a`);
      assert.equal(at(found, "metadata.uid"), at(made, "metadata.uid"));
      const listed = await api.get(selected);
      assert.equal((listed["items"] as unknown[]).length, 3);
      const from = String(at(listed, "metadata.resourceVersion"));
      using later = await api.watch(`${selected}&watch=1&resourceVersion=${from}`);
      const change = { metadata: { annotations: { patched: "true" } }, ...kind.change };
      const patched = await api.merge(`${path}/e2e-a`, change);
      assert.equal(at(patched, "metadata.annotations.patched"), "true");
      for (const [field, value] of changedFields(kind.change)) assert.deepEqual(at(patched, field), value);
      // A controller may write, too, before and after.
      await eventually("the watch has seen the patch", waitMs, () =>
        Promise.resolve(
          later.events.some(({ object }) => at(object, "metadata.annotations.patched") === "true"),
        ),
      );
      assert.ok(later.events.every(({ type }) => type === "MODIFIED"));
      await byEveryPatch(`${path}/e2e-a`);
      await annotated(`${path}/e2e-a`, { updated: "true" });
      const stale = await api.call("PUT", `${path}/e2e-a`, {
        body: { ...found, metadata: { ...(found["metadata"] as Json), annotations: { stale: "x" } } },
      });
      assert.deepEqual([stale.code, stale.body["reason"]], [409, "Conflict"]);
      if (kind.status !== undefined) await ofStatus(`${path}/e2e-a/status`, kind.status);
      await api.must("DELETE", `${path}/e2e-a`);
      assert.equal((await api.call("GET", `${path}/e2e-a`)).code, 404);
      assert.equal(((await api.get(selected))["items"] as unknown[]).length, 2);
      await api.must("DELETE", selected);
      assert.deepEqual((await api.get(selected))["items"], []);
      await eventually("the watch has seen all go", waitMs, () =>
        Promise.resolve(watching.seen().filter((event) => event.startsWith("DELETED")).length === 3),
      );
      const seen = watching.seen();
      for (const name of ["e2e-a", "e2e-b", "e2e-c"]) {
        assert.deepEqual(
          [seen.indexOf(`ADDED ${name}`) >= 0, seen.includes(`DELETED ${name}`)],
          [true, true],
        );
      }
      assert.ok(seen.filter((event) => event === "MODIFIED e2e-a").length >= 2, seen.join());
    });
  }
  test("a migration of what is stored is carried out", migrated);
});

/** With the rights that the migrator's own account has. */
async function migrated(): Promise<void> {
  const path = "/apis/storagemigration.k8s.io/v1beta1/storageversionmigrations";
  for (const [group, resource] of [
    ["", "configmaps"],
    ["rbac.authorization.k8s.io", "clusterroles"],
  ] as const) {
    await api.create(path, { metadata: { name: resource }, spec: { resource: { group, resource } } });
    const isTrue = async (type: string): Promise<boolean> => {
      const conditions = at(await api.get(`${path}/${resource}`), "status.conditions") as Json[] | undefined;
      return conditions?.some((one) => one["type"] === type && one["status"] === "True") === true;
    };
    await eventually(
      "the migration is over",
      waitMs,
      async () => (await isTrue("Succeeded")) || isTrue("Failed"),
    );
    assert.ok(await isTrue("Succeeded"), resource);
  }
}

/** What a change of a spec is to leave there: "spec.pods" and so on. */
const changedFields = (change: Json = {}): [field: string, value: unknown][] =>
  Object.entries((change["spec"] ?? {}) as Json).map(([name, value]) => [`spec.${name}`, value]);

/** Upstream looks the group up, then its version, then the resource with its verbs, and its status. */
async function inDiscovery(path: string, hasStatus: boolean): Promise<void> {
  const [, api_, group = "", version = ""] = path.split("/");
  const resource = path.split("/").at(-1);
  const base = api_ === "api" ? "/api/v1" : `/apis/${group}/${version}`;
  if (api_ === "apis") {
    const { groups } = (await api.get("/apis")) as { groups: { name: string }[] };
    assert.ok(groups.some(({ name }) => name === group));
    const { versions } = (await api.get(`/apis/${group}`)) as { versions: { version: string }[] };
    assert.ok(versions.some((one) => one.version === version));
  }
  const { resources } = (await api.get(base)) as { resources: { name: string; verbs: string[] }[] };
  assert.deepEqual(
    resources.find(({ name }) => name === resource)?.verbs.toSorted(),
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    base,
  );
  assert.ok(!hasStatus || resources.some(({ name }) => name === `${resource ?? ""}/status`), base);
}

/** JSON, strategic and applied patches, and none of them loses what another wrote. */
async function byEveryPatch(path: string): Promise<void> {
  const found = await api.get(path);
  const { apiVersion, kind } = found;
  const applied = { apiVersion, kind, metadata: { annotations: { applied: "true" } } };
  const patches = [
    ["json-patch+json", [{ op: "add", path: "/metadata/annotations/json", value: "true" }]],
    ["strategic-merge-patch+json", { metadata: { annotations: { strategic: "true" } } }],
    ["apply-patch+yaml", applied],
  ] as const;
  for (const [type, body] of patches) {
    const query = type === "apply-patch+yaml" ? "?fieldManager=e2e" : "";
    const sent = { body: JSON.stringify(body), type: `application/${type}` };
    await api.must("PATCH", `${path}${query}`, sent);
  }
  const { metadata } = (await api.get(path)) as { metadata: { resourceVersion: string; annotations: Json } };
  const { patched, json, strategic, applied: byApply } = metadata.annotations;
  assert.deepEqual([patched, json, strategic, byApply], ["true", "true", "true", "true"]);
  assert.ok(BigInt(metadata.resourceVersion) > BigInt(String(at(found, "metadata.resourceVersion"))));
}

/** The types of conditions, or the keys of a map; a controller may have more to say. */
const namesIn = (part: unknown): unknown[] =>
  Array.isArray(part) ? part.map((one: Json) => one["type"]) : Object.keys(part as Json);

async function ofStatus(path: string, status: Json): Promise<void> {
  const read = await api.get(path);
  assert.ok(at(read, "metadata.name"));
  const { apiVersion, kind } = read;
  const added = Object.entries(status).map(([key, value]) => ({ op: "add", path: `/status/${key}`, value }));
  for (const [type, body] of [
    ["merge-patch+json", { status }],
    ["strategic-merge-patch+json", { status }],
    ["json-patch+json", added],
    ["apply-patch+yaml", { apiVersion, kind, status }],
  ] as const) {
    const query = type === "apply-patch+yaml" ? "?fieldManager=e2e&force=true" : "";
    const sent = { body: JSON.stringify(body), type: `application/${type}` };
    const patched = await api.must("PATCH", `${path}${query}`, sent);
    for (const [key, wanted] of Object.entries(status)) {
      const found = namesIn(at(patched, `status.${key}`));
      for (const name of namesIn(wanted)) assert.ok(found.includes(name), `${type}: ${found.join()}`);
    }
  }
  await annotated(path, { status: "updated" });
}

/** By a PUT; controllers may write in between. */
async function annotated(path: string, annotations: Json): Promise<void> {
  await eventually(`PUT ${path}`, waitMs, async () => {
    const found = await api.get(path);
    const metadata = { ...(found["metadata"] as Json), annotations };
    const { code, text, body } = await api.call("PUT", path, { body: { ...found, metadata } });
    if (code === 409) return false;
    assert.equal(code, 200, text);
    if (!path.endsWith("/status")) assert.deepEqual(at(body, "metadata.annotations"), annotations);
    return true;
  });
}
