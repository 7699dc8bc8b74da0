/** What upstream's conformance demands of lists, watches, discovery and namespaces. */
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

  suite("watchers", watchers);
  suite("lists and tables", lists);
  suite("discovery", discovery);
  suite("namespaces", namespaces);
});

const revisionOf = (object: Json): string => textAt(object, "metadata.resourceVersion");

function watchers(): void {
  test("add, update and delete are seen by those whose labels it has", async () => {
    const path = `${await makeNamespace(api, "watch-labels")}/configmaps`;
    using a = await api.watch(`${path}?watch=1&labelSelector=watch%3Da`);
    using b = await api.watch(`${path}?watch=1&labelSelector=watch%3Db`);
    using either = await api.watch(`${path}?watch=1&labelSelector=watch+in+(a,b)`);
    for (const label of ["a", "b"]) await api.create(path, named(label, { labels: { watch: label } }));
    await api.merge(`${path}/a`, { data: { mutation: "1" } });
    await api.must("DELETE", `${path}/a`);
    await api.must("DELETE", `${path}/b`);
    assert.deepEqual(await a.until(3), ["ADDED a", "MODIFIED a", "DELETED a"]);
    assert.deepEqual(await b.until(2), ["ADDED b", "DELETED b"]);
    assert.deepEqual(await either.until(5), ["ADDED a", "ADDED b", "MODIFIED a", "DELETED a", "DELETED b"]);
    assert.equal(at(a.events[2]?.object, "data.mutation"), "1");
  });

  test("a watch starts from a specific resource version", async () => {
    const path = `${await makeNamespace(api, "watch-from")}/configmaps`;
    const first = await api.create(path, named("c"));
    const second = await api.merge(`${path}/c`, { data: { mutation: "1" } });
    await api.merge(`${path}/c`, { data: { mutation: "2" } });
    await api.must("DELETE", `${path}/c`);
    using fromFirst = await api.watch(`${path}?watch=1&resourceVersion=${revisionOf(first)}`);
    using fromSecond = await api.watch(`${path}?watch=1&resourceVersion=${revisionOf(second)}`);
    assert.deepEqual(await fromFirst.until(3), ["MODIFIED c", "MODIFIED c", "DELETED c"]);
    assert.deepEqual(await fromSecond.until(2), ["MODIFIED c", "DELETED c"]);
  });

  test("a watch restarts from the last resource version the one before it saw", async () => {
    const path = `${await makeNamespace(api, "watch-restart")}/configmaps`;
    let last: Json;
    {
      using first = await api.watch(`${path}?watch=1&fieldSelector=metadata.name%3Dc`);
      await api.create(path, named("c"));
      await api.merge(`${path}/c`, { data: { mutation: "1" } });
      assert.deepEqual(await first.until(2), ["ADDED c", "MODIFIED c"]);
      last = first.events[1]?.object ?? {};
    }
    await api.merge(`${path}/c`, { data: { mutation: "2" } });
    await api.must("DELETE", `${path}/c`);
    const query = `watch=1&fieldSelector=metadata.name%3Dc&resourceVersion=${revisionOf(last)}`;
    using second = await api.watch(`${path}?${query}`);
    assert.deepEqual(await second.until(2), ["MODIFIED c", "DELETED c"]);
    assert.equal(at(second.events[0]?.object, "data.mutation"), "2");
  });

  test("an object that stops meeting the selector is deleted, and one that meets it again added", async () => {
    const path = `${await makeNamespace(api, "watch-selector")}/configmaps`;
    using watching = await api.watch(`${path}?watch=1&labelSelector=watch%3Dyes`);
    const label = (watch: string): Promise<Json> =>
      api.merge(`${path}/c`, { metadata: { labels: { watch } } });
    await api.create(path, named("c", { labels: { watch: "yes" } }));
    await api.merge(`${path}/c`, { data: { mutation: "1" } });
    await label("no");
    await api.merge(`${path}/c`, { data: { mutation: "2" } });
    await label("yes");
    await api.merge(`${path}/c`, { data: { mutation: "3" } });
    await api.must("DELETE", `${path}/c`);
    assert.deepEqual(await watching.until(6), [
      "ADDED c",
      "MODIFIED c",
      "DELETED c",
      "ADDED c",
      "MODIFIED c",
      "DELETED c",
    ]);
    assert.equal(at(watching.events[2]?.object, "data.mutation"), "1");
    assert.equal(at(watching.events[3]?.object, "data.mutation"), "2");
  });

  test("concurrent watches receive events in the same order", async () => {
    const path = `${await makeNamespace(api, "watch-order")}/configmaps`;
    const { metadata } = await api.get(path);
    let from = textAt(metadata, "resourceVersion");
    await using stack = new AsyncDisposableStack();
    const all = [stack.use(await api.watch(`${path}?watch=1&resourceVersion=${from}`))];
    const writers = ["a", "b", "c"].map(async (name) => {
      for (let round = 0; round < 5; round++) {
        from = revisionOf(await api.create(path, named(name)));
        all.push(stack.use(await api.watch(`${path}?watch=1&resourceVersion=${from}`)));
        await api.merge(`${path}/${name}`, { data: { round: String(round) } });
        await api.must("DELETE", `${path}/${name}`);
      }
    });
    await Promise.all(writers);
    await all[0]?.until(45);
    const order = all[0]?.events.map(({ type, object }) => `${type} ${revisionOf(object)}`) ?? [];
    for (const watching of all.slice(1)) {
      await watching.until(1);
      const [first] = watching.events;
      const begin = order.indexOf(`${first?.type ?? ""} ${revisionOf(first?.object ?? {})}`);
      assert.ok(begin > 0, "it saw what the first has seen");
      await watching.until(order.length - begin);
      const own = watching.events.map(({ type, object }) => `${type} ${revisionOf(object)}`);
      assert.deepEqual(own, order.slice(begin));
    }
  });

  test("bookmarks mark the end of the initial events, for who asks for them", async () => {
    const path = `${await makeNamespace(api, "watch-bookmarks")}/configmaps`;
    await api.create(path, named("c"));
    const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    using watching = await api.watch(`${path}?${query}&fieldSelector=metadata.name%3Dc`);
    assert.deepEqual(await watching.until(2), ["ADDED c", "BOOKMARK "]);
    const marks = at(watching.events[1]?.object, "metadata.annotations") as Json;
    assert.deepEqual(marks, { "k8s.io/initial-events-end": "true" });
  });
}

function lists(): void {
  test("list calls return chunks of results", async () => {
    const path = `${await makeNamespace(api, "chunks")}/podtemplates`;
    for (let i = 0; i < 40; i++) {
      await api.create(
        path,
        named(`template-${String(i).padStart(4, "0")}`, {}, { template: { spec: podSpec } }),
      );
    }
    for (const limit of [1, 17, 40]) {
      const found: unknown[] = [];
      let token = "";
      let revision: unknown;
      do {
        const page = await api.get(`${path}?limit=${limit}&continue=${token}`);
        const items = page["items"] as Json[];
        found.push(...items.map((item) => at(item, "metadata.name")));
        revision ??= at(page, "metadata.resourceVersion");
        assert.equal(at(page, "metadata.resourceVersion"), revision);
        token = textAt(page, "metadata.continue");
        const left = 40 - found.length;
        assert.equal(at(page, "metadata.remainingItemCount"), left === 0 ? undefined : left);
        assert.equal(items.length, Math.min(limit, 40 - found.length + items.length));
      } while (token !== "");
      assert.equal(new Set(found).size, 40);
    }
  });

  test("a kind without metadata is no table: 406", async () => {
    const { code, body } = await api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      body: { spec: { resourceAttributes: { verb: "get", resource: "pods" } } },
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    });
    assert.deepEqual([code, body["reason"]], [406, "NotAcceptable"]);
  });

  test("the server version is found", async () => {
    const version = await api.get("/version");
    assert.match(String(version["major"]), /^\d+$/);
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
