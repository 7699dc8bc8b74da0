/** What upstream's conformance demands of definitions, and of what they define. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Json } from "./api-client.ts";
import { waitMs, definitions, specSchema, definition, define, object } from "./definitions.ts";

let server: BareServer;
let api: ApiClient;

function definitionObjects(): void {
  test("definitions are created, listed by label, deleted as a collection", async () => {
    for (const kind of ["Lista", "Listb"]) {
      const own = definition({ kind });
      await api.create(definitions, {
        ...own,
        metadata: { ...(own["metadata"] as Json), labels: { e2e: "list" } },
      });
    }
    const selected = `${definitions}?labelSelector=e2e%3Dlist`;
    assert.equal(((await api.get(selected))["items"] as unknown[]).length, 2);
    await api.must("DELETE", selected);
    await eventually("both are gone", waitMs, async () => {
      return ((await api.get(selected))["items"] as unknown[]).length === 0;
    });
  });

  test("a definition's status is got, patched and updated", async () => {
    await define(api, { kind: "Stated" });
    const path = `${definitions}/stateds.e2e.example.com/status`;
    const condition = { type: "StatusUpdate", status: "True", reason: "E2E", message: "by a test" };
    const found = await api.get(path);
    const conditions = [...(at(found, "status.conditions") as Json[]), condition];
    const status = { ...(found["status"] as Json), conditions };
    const updated = await api.must("PUT", path, { body: { ...found, status } });
    assert.ok((at(updated, "status.conditions") as Json[]).some(({ type }) => type === "StatusUpdate"));
    const patched = await api.merge(path, { metadata: { annotations: { a: "b" } } });
    assert.ok((at(patched, "status.conditions") as Json[]).some(({ type }) => type === "StatusUpdate"));
  });

  test("definitions are in the discovery documents, and what they define is, too", async () => {
    const group = {
      name: "apiextensions.k8s.io",
      versions: [{ groupVersion: "apiextensions.k8s.io/v1", version: "v1" }],
    };
    const groups = (await api.get("/apis"))["groups"] as Json[];
    assert.deepEqual(groups.find(({ name }) => name === group.name)?.["versions"], group.versions);
    const resources = (await api.get("/apis/apiextensions.k8s.io/v1"))["resources"] as Json[];
    assert.ok(resources.some(({ name }) => name === "customresourcedefinitions"));
    await define(api, { kind: "Discovered", more: { subresources: { status: {} } } });
    const v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    await eventually("aggregated discovery has it", waitMs, async () => {
      const { text } = await api.call("GET", "/apis", { accept: v2 });
      const { items } = JSON.parse(text) as { items: Json[] };
      const own = items.find((item) => at(item, "metadata.name") === "e2e.example.com");
      const versions = (own?.["versions"] ?? []) as { version: string; resources: Json[] }[];
      const found = versions[0]?.resources.find(({ resource }) => resource === "discovereds");
      return JSON.stringify(found ?? {}).includes('"subresource":"status"');
    });
  });

  test("custom resources are watched by name", async () => {
    const kind = { kind: "Watched", schema: specSchema };
    const path = await define(api, kind);
    using watching = await api.watch(`${path}?watch=1&fieldSelector=metadata.name%3Da`);
    for (const name of ["a", "b"]) await api.create(path, object(kind, name, { spec: { cronSpec: "x" } }));
    await api.merge(`${path}/a`, { spec: { cronSpec: "y" } });
    await api.must("DELETE", path);
    assert.deepEqual(await watching.until(3), ["ADDED a", "MODIFIED a", "DELETED a"]);
  });

  test("defaults are filled in on requests and from storage", async () => {
    const kind = {
      kind: "Defaulted",
      schema: { type: "object", properties: { a: { type: "string", default: "A" } } },
    };
    const path = await define(api, kind);
    const name = "defaulteds.e2e.example.com";
    assert.equal((await api.create(path, object(kind, "x")))["a"], "A");
    const properties = { a: { type: "string", default: "A" }, b: { type: "string", default: "B" } };
    const schema = { openAPIV3Schema: { type: "object", properties } };
    await api.must("PATCH", `${definitions}/${name}`, {
      body: JSON.stringify([{ op: "replace", path: "/spec/versions/0/schema", value: schema }]),
      type: "application/json-patch+json",
    });
    await eventually("the new default is read", waitMs, async () => {
      const { code, body } = await api.call("GET", `${path}/x`);
      return code === 200 && body["b"] === "B" && body["a"] === "A";
    });
  });

  test("custom resources are listed and watched by the fields that may select them", async () => {
    const schema = { type: "object", properties: { host: { type: "string" }, port: { type: "string" } } };
    const kind = {
      kind: "Selected",
      schema,
      more: { selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }] },
    };
    const path = await define(api, kind);
    using watching = await api.watch(`${path}?watch=1&fieldSelector=host%3Dh1`);
    await api.create(path, object(kind, "a", { host: "h1", port: "80" }));
    await api.create(path, object(kind, "b", { host: "h1", port: "8080" }));
    await api.create(path, object(kind, "c", { host: "h2", port: "80" }));
    const names = async (selector: string): Promise<unknown> => {
      const { items } = await api.get(`${path}?fieldSelector=${encodeURIComponent(selector)}`);
      return (items as Json[]).map((item) => at(item, "metadata.name"));
    };
    assert.deepEqual(await names("host=h1"), ["a", "b"]);
    assert.deepEqual(await names("host=h1,port=80"), ["a"]);
    await api.merge(`${path}/a`, { host: "h2" });
    assert.deepEqual(await watching.until(3), ["ADDED a", "ADDED b", "DELETED a"]);
  });
}

suite("conformance: custom resources", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
  });

  suite("definitions", definitionObjects);
});
