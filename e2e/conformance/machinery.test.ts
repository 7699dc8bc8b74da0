/** What upstream's conformance demands of tables, discovery and namespaces. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";
import { gone, makeNamespace, named, podSpec } from "./core-objects.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

suite("conformance: machinery", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("tables and versions", lists);
  suite("discovery", discovery);
  suite("namespaces", namespaces);
});

function lists(): void {
  test("a kind without metadata is no table: 406", async () => {
    const { code, body } = await api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      body: { spec: { nonResourceAttributes: { path: "/", verb: "get" } } },
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    });
    assert.deepEqual([code, body["reason"]], [406, "NotAcceptable"]);
  });

  test("the server version is found", async () => {
    const version = await api.get("/version");
    assert.match(String(version["major"]), /^[1-9]$/);
    assert.match(String(version["minor"]), /^\d+$/);
    assert.match(String(version["gitVersion"]), /^v1\.35\.\d+/);
  });

  test("a generated name ends in five characters", async () => {
    const path = `${await makeNamespace(api, "generated")}/configmaps`;
    const made = await api.create(path, { metadata: { generateName: `${"x".repeat(60)}-` } });
    assert.match(textAt(made, "metadata.name"), /^x{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });
}

/** What upstream looks for in each group, in each kind of document. */
const known = [
  ["v1", "namespaces"],
  ["admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"],
  ["apiextensions.k8s.io/v1", "customresourcedefinitions"],
  ["apiregistration.k8s.io/v1", "apiservices"],
  ["apps/v1", "deployments"],
  ["authentication.k8s.io/v1", "tokenreviews"],
  ["authorization.k8s.io/v1", "selfsubjectaccessreviews"],
  ["autoscaling/v1", "horizontalpodautoscalers"],
  ["autoscaling/v2", "horizontalpodautoscalers"],
  ["batch/v1", "jobs"],
  ["certificates.k8s.io/v1", "certificatesigningrequests"],
  ["coordination.k8s.io/v1", "leases"],
  ["discovery.k8s.io/v1", "endpointslices"],
  ["events.k8s.io/v1", "events"],
  ["networking.k8s.io/v1", "ingresses"],
  ["node.k8s.io/v1", "runtimeclasses"],
  ["policy/v1", "poddisruptionbudgets"],
  ["scheduling.k8s.io/v1", "priorityclasses"],
  ["storage.k8s.io/v1", "csinodes"],
] as const;

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
  readonly preferredVersion: { readonly groupVersion: string; readonly version: string };
}

function discovery(): void {
  test("the preferred version of each API group is one of its versions", async () => {
    const groups = (await api.get("/apis"))["groups"] as Group[];
    assert.ok(groups.length > 15);
    for (const group of groups) {
      const alone = (await api.get(`/apis/${group.name}`)) as unknown as Group;
      assert.deepEqual(alone.preferredVersion, group.preferredVersion);
      assert.ok(
        group.versions.some(({ version }) => version === group.preferredVersion.version),
        group.name,
      );
      assert.equal(group.preferredVersion.groupVersion, `${group.name}/${group.preferredVersion.version}`);
    }
  });

  test("the group version and a resource are located within each API group", async () => {
    for (const [groupVersion, resource] of known) {
      const list = await api.get(groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`);
      assert.equal(list["groupVersion"], groupVersion);
      assert.ok(
        (list["resources"] as Json[]).some(({ name }) => name === resource),
        resource,
      );
    }
    for (const { versions } of (await api.get("/apis"))["groups"] as Group[]) {
      for (const { groupVersion } of versions) {
        assert.equal((await api.get(`/apis/${groupVersion}`))["groupVersion"], groupVersion);
      }
    }
  });

  test("aggregated discovery is what the Accept header asks for", async () => {
    const v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (const path of ["/api", "/apis"]) {
      const { code, headers, text } = await api.call("GET", path, { accept: v2 });
      assert.deepEqual([code, headers["content-type"]], [200, v2]);
      const { kind, apiVersion, items } = JSON.parse(text) as Json & { items: Json[] };
      assert.deepEqual([kind, apiVersion], ["APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"]);
      const found = items.flatMap((item) =>
        (item["versions"] as { version: string; resources: Json[] }[]).flatMap(({ version, resources }) => {
          const group = textAt(item, "metadata.name");
          const groupVersion = group === "" ? version : `${group}/${version}`;
          return resources.map(({ resource }) => `${groupVersion} ${String(resource)}`);
        }),
      );
      for (const [groupVersion, resource] of known) {
        if ((groupVersion === "v1") !== (path === "/api")) continue;
        assert.ok(found.includes(`${groupVersion} ${resource}`), `${groupVersion} ${resource}`);
      }
      const legacy = await api.get(path);
      assert.equal(legacy["kind"], path === "/api" ? "APIVersions" : "APIGroupList");
    }
  });
}

const condition = (type: string): Json => ({
  type,
  status: "False",
  reason: "E2E",
  message: "by a test",
});

const types = (object: Json): unknown[] =>
  (at(object, "status.conditions") as Json[]).map(({ type }) => type);

function namespaces(): void {
  test("a namespace is patched and updated", async () => {
    const path = await makeNamespace(api, "patched");
    await api.merge(path, { metadata: { labels: { testLabel: "testValue" } } });
    const found = await api.get(path);
    assert.equal(at(found, "metadata.labels.testLabel"), "testValue");
    const labels = { ...(at(found, "metadata.labels") as Json), updated: "yes" };
    const updated = { ...found, metadata: { ...(found["metadata"] as Json), labels } };
    assert.equal(at(await api.must("PUT", path, { body: updated }), "metadata.labels.updated"), "yes");
  });

  test("a namespace's status is read, patched and updated", async () => {
    const path = `${await makeNamespace(api, "with-status")}/status`;
    assert.equal(at(await api.get(path), "status.phase"), "Active");
    const patched = await api.merge(path, {
      metadata: { annotations: { "e2e-patched-ns-status": "with-status" } },
      status: { conditions: [condition("StatusPatch")] },
    });
    assert.equal(at(patched, "metadata.annotations.e2e-patched-ns-status"), "with-status");
    assert.deepEqual(types(patched), ["StatusPatch"]);
    const found = await api.get(path);
    const status = {
      ...(found["status"] as Json),
      conditions: [...(at(found, "status.conditions") as Json[]), condition("StatusUpdate")],
    };
    const updated = await api.must("PUT", path, { body: { ...found, status } });
    assert.deepEqual(types(updated), ["StatusPatch", "StatusUpdate"]);
    assert.equal(at(updated, "status.phase"), "Active");
  });

  test("a finalizer of a namespace holds it until it is taken off", async () => {
    const path = await makeNamespace(api, "finalized");
    const found = await api.get(path);
    const finalizers = ["kubernetes", "example.com/own"];
    await api.must("PUT", `${path}/finalize`, { body: { ...found, spec: { finalizers } } });
    await api.must("DELETE", path);
    await eventually("only its own is left", waitMs, async () => {
      const left = at(await api.get(path), "spec.finalizers") as string[];
      return left.join() === "example.com/own";
    });
    assert.equal(at(await api.get(path), "status.phase"), "Terminating");
    await api.must("PUT", `${path}/finalize`, { body: { ...(await api.get(path)), spec: {} } });
    await gone(api, path);
  });

  test("all pods and services are removed with their namespace", async () => {
    const path = await makeNamespace(api, "emptied");
    await api.create(`${path}/pods`, named("p", {}, { spec: podSpec }));
    await api.create(`${path}/services`, named("s", {}, { spec: { ports: [{ port: 80 }] } }));
    await api.must("DELETE", path);
    await gone(api, path);
    await makeNamespace(api, "emptied");
    for (const kind of ["pods", "services"]) {
      assert.deepEqual((await api.get(`${path}/${kind}`))["items"], []);
    }
  });

  test("a namespace's pods go before everything else", async () => {
    const path = await makeNamespace(api, "ordered");
    await api.create(`${path}/pods`, named("p", { finalizers: ["example.com/hold"] }, { spec: podSpec }));
    await api.create(`${path}/configmaps`, named("c"));
    await api.must("DELETE", path);
    await eventually("the pod goes, and holds the namespace", waitMs, async () => {
      const conditions = at(await api.get(path), "status.conditions") as Json[] | undefined;
      const told = conditions?.find(({ type }) => type === "NamespaceFinalizersRemaining");
      const pod = await api.get(`${path}/pods/p`);
      return told?.["status"] === "True" && at(pod, "metadata.deletionTimestamp") !== undefined;
    });
    assert.equal(at(await api.get(`${path}/configmaps/c`), "metadata.deletionTimestamp"), undefined);
    await api.merge(`${path}/pods/p`, { metadata: { finalizers: null } });
    await gone(api, path);
  });
}
