/** What upstream's conformance demands of definitions, and of what they define. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json, type Watching } from "./api-client.ts";
import { waitMs, definitions, definition, define, object, type Defined } from "./definitions.ts";

let server: BareServer;
let api: ApiClient;
let hooks: HookServer;

const messages = (of: Json): unknown[] =>
  (at(of, "status.conditions") as Json[]).map(({ message }) => message);

function definitionObjects(): void {
  test("definitions are created, listed by label, deleted as a collection", async () => {
    const specs = new Map<string, unknown>();
    for (let n = 0; n < 10; n++) {
      const own = definition({ kind: `Listed${n}` });
      const metadata = { ...(own["metadata"] as Json), labels: { e2e: "list" } };
      const made = await api.create(definitions, { ...own, metadata });
      specs.set(textAt(made, "metadata.name"), made["spec"]);
    }
    await define(api, { kind: "Unlabelled" });
    const selected = `${definitions}?labelSelector=e2e%3Dlist`;
    const items = (await api.get(selected))["items"] as Json[];
    assert.equal(items.length, 10);
    for (const item of items) assert.deepEqual(item["spec"], specs.get(textAt(item, "metadata.name")));
    await api.must("DELETE", selected);
    await eventually("all are gone", waitMs, async () => {
      return ((await api.get(selected))["items"] as unknown[]).length === 0;
    });
    assert.ok(await api.get(`${definitions}/unlabelleds.e2e.example.com`));
  });

  test("a definition's status is got, patched and updated", async () => {
    await define(api, { kind: "Stated" });
    const path = `${definitions}/stateds.e2e.example.com/status`;
    const spec = (await api.get(path.replace("/status", "")))["spec"];
    const updated = await eventually("nobody writes in between", waitMs, async () => {
      const found = await api.get(path);
      assert.deepEqual(found["spec"], spec);
      const conditions = [
        ...(at(found, "status.conditions") as Json[]),
        { type: "", status: "", lastTransitionTime: null, reason: "", message: "updated" },
      ];
      const status = { ...(found["status"] as Json), conditions };
      const { code, body, text } = await api.call("PUT", path, { body: { ...found, status } });
      assert.ok(code === 200 || code === 409, text);
      return code === 200 ? body : undefined;
    });
    assert.ok(messages(updated).includes("updated"));
    const patched = await api.must("PATCH", path, {
      body: JSON.stringify([{ op: "add", path: "/status/conditions", value: [{ message: "patched" }] }]),
      type: "application/json-patch+json",
    });
    assert.deepEqual(messages(patched), ["patched"]);
  });

  test("definitions are in the discovery documents, and what they define is, too", async () => {
    const group = {
      name: "apiextensions.k8s.io",
      versions: [{ groupVersion: "apiextensions.k8s.io/v1", version: "v1" }],
    };
    const groups = (await api.get("/apis"))["groups"] as Json[];
    assert.deepEqual(groups.find(({ name }) => name === group.name)?.["versions"], group.versions);
    const alone = await api.get("/apis/apiextensions.k8s.io");
    assert.deepEqual([alone["name"], alone["versions"]], [group.name, group.versions]);
    const { groupVersion, resources } = await api.get("/apis/apiextensions.k8s.io/v1");
    assert.equal(groupVersion, "apiextensions.k8s.io/v1");
    assert.ok((resources as Json[]).some(({ name }) => name === "customresourcedefinitions"));
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
    const kind = { kind: "Watched" };
    const path = await define(api, kind);
    const watch = (name: string): Promise<Watching> =>
      api.watch(`${path}?watch=1&fieldSelector=metadata.name%3D${name}&timeoutSeconds=600`);
    using first = await watch("a");
    using second = await watch("b");
    for (const name of ["a", "b"]) {
      const made = await api.create(path, object(kind, name));
      assert.deepEqual([made["apiVersion"], made["kind"]], ["e2e.example.com/v1", "Watched"]);
    }
    for (const name of ["a", "b"]) {
      await api.must("PATCH", `${path}/${name}`, {
        body: JSON.stringify([{ op: "add", path: "/dummy", value: "test" }]),
        type: "application/json-patch+json",
      });
    }
    for (const name of ["a", "b"]) await api.must("DELETE", `${path}/${name}`);
    assert.deepEqual(await first.until(3), ["ADDED a", "MODIFIED a", "DELETED a"]);
    assert.deepEqual(await second.until(3), ["ADDED b", "MODIFIED b", "DELETED b"]);
    assert.equal(first.events[1]?.object["dummy"], "test");
  });

  test("defaults are filled in on requests and from storage", async () => {
    const text = { type: "string" };
    const kind = { kind: "Defaulted", schema: { type: "object", properties: { a: text, b: text } } };
    const path = await define(api, kind);
    const properties = "/spec/versions/0/schema/openAPIV3Schema/properties";
    const change = (...operations: Json[]): Promise<Json> =>
      api.must("PATCH", `${definitions}/defaulteds.e2e.example.com`, {
        body: JSON.stringify(
          operations.map((one) => ({ ...one, path: `${properties}${String(one["path"])}` })),
        ),
        type: "application/json-patch+json",
      });
    assert.equal((await api.create(path, object(kind, "first")))["a"], undefined);
    await change({ op: "add", path: "/a/default", value: "A" });
    await eventually(
      "the default is read",
      waitMs,
      async () => (await api.get(`${path}/first`))["a"] === "A",
    );
    assert.equal((await api.create(path, object(kind, "second")))["a"], "A");
    await change({ op: "remove", path: "/a/default" }, { op: "add", path: "/b/default", value: "B" });
    await eventually("the other is", waitMs, async () => (await api.get(`${path}/second`))["b"] === "B");
    const second = await api.get(`${path}/second`);
    assert.deepEqual([second["a"], second["b"]], ["A", "B"]);
    const first = await api.get(`${path}/first`);
    assert.deepEqual([first["a"], first["b"]], [undefined, "B"]);
  });
}

interface Host {
  readonly apiVersion: string;
  readonly hostPort?: string;
  readonly host?: string;
  readonly port?: string;
}

/** "a:1" in v1 is host "a" and port "1" in v2, as agnhost's webhook has it. */
function convertHost({ hostPort, host = "", port = "", ...rest }: Host, apiVersion: string): object {
  if (rest.apiVersion === apiVersion) return { ...rest, hostPort, host, port };
  if (apiVersion.endsWith("/v1")) return { ...rest, apiVersion, hostPort: `${host}:${port}` };
  const [name = "", number = ""] = (hostPort ?? "").split(":");
  return { ...rest, apiVersion, host: name, port: number };
}

const text = { type: "string" };

/** Two versions, and a webhook between them. */
const convertible = (kind: string, group: string): Defined => ({
  kind,
  group,
  conversion: {
    strategy: "Webhook",
    webhook: {
      conversionReviewVersions: ["v1", "v1beta1"],
      clientConfig: { url: `https://127.0.0.1:${hooks.port}/convert`, caBundle: hooks.caBundle },
    },
  },
  versions: [
    {
      name: "v1",
      served: true,
      storage: true,
      schema: { openAPIV3Schema: { type: "object", properties: { hostPort: text } } },
      selectableFields: [{ jsonPath: ".hostPort" }],
    },
    {
      name: "v2",
      served: true,
      storage: false,
      schema: { openAPIV3Schema: { type: "object", properties: { host: text, port: text } } },
      selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }],
    },
  ],
});

const namesIn = async (path: string, selector: string): Promise<unknown> => {
  const { items } = await api.get(`${path}?fieldSelector=${encodeURIComponent(selector)}`);
  return (items as Json[]).map((item) => at(item, "metadata.name"));
};

function betweenVersions(): void {
  test("custom resources are listed and watched by the fields that may select them", async () => {
    const kind = convertible("Selected", "selected.example.com");
    const v1 = await define(api, kind);
    const v2 = v1.replace("/v1/", "/v2/");
    const watch = (path: string, selector: string): Promise<Watching> =>
      api.watch(`${path}?watch=1&fieldSelector=${encodeURIComponent(selector)}`);
    using byHost = await watch(v2, "host=host1");
    using byBoth = await watch(v2, "host=host1,port=80");
    using inV1 = await watch(v1, "hostPort=host1:80");
    for (const [name, host, port] of [
      ["a", "host1", "80"],
      ["b", "host1", "8080"],
      ["c", "host2", undefined],
    ]) {
      await api.create(v2, {
        ...object(kind, name ?? ""),
        apiVersion: "selected.example.com/v2",
        host,
        port,
      });
    }
    assert.deepEqual(await namesIn(v2, "host=host1"), ["a", "b"]);
    assert.deepEqual(await namesIn(v2, "host=host1,port=80"), ["a"]);
    assert.deepEqual(await namesIn(v1, "hostPort=host1:80"), ["a"]);
    assert.deepEqual(await namesIn(v1, "hostPort=host1:8080"), ["b"]);
    assert.deepEqual(await byHost.until(2), ["ADDED a", "ADDED b"]);
    assert.deepEqual(await byBoth.until(1), ["ADDED a"]);
    assert.deepEqual(await inV1.until(1), ["ADDED a"]);
    const selected = encodeURIComponent("host=host1,port=80");
    await api.must("DELETE", `${v2}?fieldSelector=${selected}`, { body: { gracePeriodSeconds: 0 } });
    const second = await api.get(`${v2}/b`);
    await api.must("PUT", `${v2}/b`, { body: { ...second, host: "host2" } });
    assert.deepEqual(await namesIn(v2, "host=host1"), []);
    assert.deepEqual(await namesIn(v2, "host=host1,port=80"), []);
    assert.deepEqual(await byHost.until(4), ["ADDED a", "ADDED b", "DELETED a", "DELETED b"]);
    assert.deepEqual(await byBoth.until(2), ["ADDED a", "DELETED a"]);
    assert.deepEqual(await inV1.until(2), ["ADDED a", "DELETED a"]);
    assert.equal(byHost.events[3]?.object["apiVersion"], "selected.example.com/v2");
  });

  test("a webhook converts one that is got, and a list of what is stored in two versions", async () => {
    const kind = convertible("Converted", "converted.example.com");
    const v1 = await define(api, kind);
    const v2 = v1.replace("/v1/", "/v2/");
    const hostPort = "localhost:8080";
    await api.create(v1, { ...object(kind, "one"), hostPort });
    const one = await api.get(`${v2}/one`);
    assert.deepEqual(
      [one["apiVersion"], one["host"], one["port"], one["hostPort"]],
      ["converted.example.com/v2", "localhost", "8080", undefined],
    );
    await api.must("PATCH", `${definitions}/converteds.converted.example.com`, {
      body: JSON.stringify([
        { op: "replace", path: "/spec/versions/0/storage", value: false },
        { op: "replace", path: "/spec/versions/1/storage", value: true },
      ]),
      type: "application/json-patch+json",
    });
    const other = { apiVersion: "converted.example.com/v2", host: "localhost", port: "8080" };
    await api.create(v2, { ...object(kind, "two"), ...other });
    const inV1 = (await api.get(v1))["items"] as Json[];
    assert.deepEqual(
      inV1.map((item) => [at(item, "metadata.name"), item["apiVersion"], item["hostPort"], item["host"]]),
      ["one", "two"].map((name) => [name, "converted.example.com/v1", hostPort, undefined]),
    );
    const inV2 = (await api.get(v2))["items"] as Json[];
    assert.deepEqual(
      inV2.map((item) => [at(item, "metadata.name"), item["apiVersion"], item["host"], item["port"]]),
      ["one", "two"].map((name) => [name, "converted.example.com/v2", "localhost", "8080"]),
    );
  });
}

suite("conformance: custom resources", { timeout: 240_000 }, () => {
  before(async () => {
    hooks = await startHookServer({
      "/convert": (request) => {
        const { objects, desiredAPIVersion } = request as unknown as {
          readonly objects: readonly Host[];
          readonly desiredAPIVersion: string;
        };
        const convertedObjects = objects.map((one) => convertHost(one, desiredAPIVersion));
        return { result: { status: "Success" }, convertedObjects } as object;
      },
    });
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await hooks[Symbol.asyncDispose]();
  });

  suite("definitions", definitionObjects);
  suite("versions", betweenVersions);
});
