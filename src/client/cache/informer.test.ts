import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { failure } from "#api/meta/status.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { configMaps } from "#api/resources.ts";
import { createFakeClient, type FakeApi } from "../testing/fake-transport.ts";
import type { Client } from "../client.ts";
import { createInformerFactory } from "./factory.ts";
import type { InformerFactory } from "./informer.ts";

interface World {
  readonly clock: ManualClock;
  readonly api: FakeApi;
  readonly client: Client;
  readonly factory: InformerFactory;
  readonly signal: AbortSignal;
}

function world(t: TestContext, names: readonly string[] = []): World {
  const clock = new ManualClock();
  const objects = names.map((name) => map(name));
  const { client, api } = createFakeClient({ objects, clock });
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  const random = new SeededRandom(7);
  const factory = createInformerFactory({ client, clock, random, log: silentLogger, freeze: true });
  return { clock, api, client, factory, signal: stop.signal };
}

const map = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns" },
  data,
});

/** Writes down what a handler hears. */
function listen(factory: InformerFactory): string[] {
  const heard: string[] = [];
  factory.informer(configMaps).addHandler({
    add: (object, isInitial) =>
      heard.push(`add ${object.metadata?.name ?? ""}${isInitial ? " initial" : ""}`),
    update: (object, old) =>
      heard.push(
        `update ${object.metadata?.name ?? ""} ${old.data?.["v"] ?? ""}→${object.data?.["v"] ?? ""}`,
      ),
    delete: (object) => heard.push(`delete ${object.metadata?.name ?? ""}`),
  });
  return heard;
}

async function started(w: World): Promise<void> {
  w.factory.informer(configMaps);
  w.factory.start(w.signal);
  await w.factory.waitForSync(w.signal);
}

for (const streams of [true, false]) {
  const how = streams ? "a streaming list" : "list and watch";

  test(`${how}: what is there, then every change, in order`, async (t) => {
    const w = world(t, ["a", "b"]);
    if (!streams) refuseStreaming(w.api);
    const heard = listen(w.factory);
    w.factory.start(w.signal);
    await settle();
    assert.deepEqual(heard, ["add a initial", "add b initial"]);
    const resource = w.client.resource(configMaps, "ns");
    await resource.create(map("c"));
    await resource.update(map("a", { v: "1" }));
    await resource.delete("b");
    await settle();
    assert.deepEqual(heard.slice(2), ["add c", "update a →1", "delete b"]);
    const { lister } = w.factory.informer(configMaps);
    assert.deepEqual(
      lister.list("ns").map((one) => one.metadata?.name),
      ["a", "c"],
    );
    assert.deepEqual(lister.list("other"), []);
    assert.equal(lister.get("ns/a")?.data?.["v"], "1");
  });

  test(`${how}: a broken watch goes on where it stopped, nothing lost, nothing twice`, async (t) => {
    const w = world(t, ["a"]);
    if (!streams) refuseStreaming(w.api);
    const heard = listen(w.factory);
    w.factory.start(w.signal);
    await settle();
    const resource = w.client.resource(configMaps, "ns");
    const down = w.api.intercept((request) =>
      request.query?.["watch"] === "true" ? new Error("connection refused") : undefined,
    );
    w.api.store.disconnect(new Error("connection reset"));
    await resource.create(map("b"));
    await resource.update(map("a", { v: "1" }));
    await resource.update(map("a", { v: "2" }));
    await settle();
    await w.clock.advance(5000);
    assert.deepEqual(heard, ["add a initial"]);
    down();
    await w.clock.advance(30_000);
    assert.deepEqual(heard.slice(1), ["add b", "update a →1", "update a 1→2"]);
  });

  test(`${how}: after 410 it lists again and tells the difference`, async (t) => {
    const w = world(t, ["gone", "kept", "replaced", "changed"]);
    if (!streams) refuseStreaming(w.api);
    const heard = listen(w.factory);
    w.factory.start(w.signal);
    await settle();
    heard.length = 0;
    const down = w.api.intercept((request) =>
      request.query?.["watch"] === "true" ? new Error("connection refused") : undefined,
    );
    w.api.store.disconnect(new Error("connection reset"));
    const resource = w.client.resource(configMaps, "ns");
    await resource.delete("gone");
    await resource.delete("replaced");
    await resource.create(map("replaced"));
    await resource.create(map("new"));
    await resource.update(map("changed", { v: "1" }));
    w.api.store.compact();
    await settle();
    down();
    await w.clock.advance(60_000);
    assert.deepEqual(heard.toSorted(), [
      "add new",
      "add replaced",
      "delete gone",
      "delete replaced",
      "update changed →1",
    ]);
    assert.ok(heard.indexOf("delete replaced") < heard.indexOf("add replaced"));
    await resource.create(map("later"));
    await settle();
    assert.equal(heard.at(-1), "add later");
  });
}

function refuseStreaming(api: FakeApi): void {
  api.intercept((request) =>
    request.query?.["sendInitialEvents"] === undefined
      ? undefined
      : failure({ code: 422, reason: "Invalid", message: "sendInitialEvents is forbidden" }),
  );
}

test("a watch that the server ends is opened again at once when it was of use", async (t) => {
  const w = world(t);
  const heard = listen(w.factory);
  await started(w);
  await w.client.resource(configMaps, "ns").create(map("a"));
  await settle();
  w.api.store.endWatches();
  await settle();
  assert.equal(w.api.store.watchers, 1);
  await w.client.resource(configMaps, "ns").create(map("b"));
  await settle();
  assert.deepEqual(heard, ["add a", "add b"]);
});

test("a server that ends watches at once isn't asked in a tight loop", async (t) => {
  const w = world(t);
  await started(w);
  let opened = 0;
  w.api.intercept((request) => {
    if (request.query?.["watch"] !== "true") return undefined;
    opened += 1;
    queueMicrotask(() => {
      w.api.store.endWatches();
    });
    return undefined;
  });
  w.api.store.endWatches();
  await settle();
  await w.clock.advance(60_000);
  assert.ok(opened > 3 && opened < 15, `${opened} watches in a minute`);
});

test("the first list waits for a server that comes later", async (t) => {
  const w = world(t, ["a"]);
  const up = w.api.intercept(() => new Error("connection refused"));
  const heard = listen(w.factory);
  w.factory.start(w.signal);
  await settle();
  await w.clock.advance(10_000);
  assert.equal(w.factory.informer(configMaps).hasSynced, false);
  up();
  await w.clock.advance(60_000);
  assert.equal(w.factory.informer(configMaps).hasSynced, true);
  assert.deepEqual(heard, ["add a initial"]);
});

test("one informer per resource and query; a late handler gets what is there", async (t) => {
  const w = world(t, ["a"]);
  assert.equal(w.factory.informer(configMaps), w.factory.informer(configMaps, {}));
  assert.notEqual(w.factory.informer(configMaps), w.factory.informer(configMaps, { namespace: "ns" }));
  await started(w);
  assert.deepEqual(listen(w.factory), ["add a initial"]);
  assert.equal(w.api.store.watchers, 2);
});

test("an informer asked for after the start runs at once", async (t) => {
  const w = world(t, ["a", "b"]);
  await started(w);
  const one = w.factory.informer(configMaps, { fieldSelector: "metadata.name=b" });
  await w.factory.waitForSync(w.signal);
  assert.deepEqual(
    one.lister.list().map((object) => object.metadata?.name),
    ["b"],
  );
});

test("indexes follow additions, changes and deletions", async (t) => {
  const w = world(t);
  const informer = w.factory.informer(configMaps);
  informer.addIndex("v", (object) => Object.values(object.data ?? {}));
  await started(w);
  const resource = w.client.resource(configMaps, "ns");
  const names = (value: string): (string | undefined)[] =>
    informer.lister.byIndex("v", value).map((one) => one.metadata?.name);
  await resource.create(map("a", { x: "1", y: "2" }));
  await resource.create(map("b", { x: "1" }));
  await settle();
  assert.deepEqual([names("1"), names("2")], [["a", "b"], ["a"]]);
  await resource.update(map("a", { x: "3", y: "2" }));
  await settle();
  assert.deepEqual([names("1"), names("2"), names("3")], [["b"], ["a"], ["a"]]);
  await resource.delete("a");
  await settle();
  assert.deepEqual([names("1"), names("2"), names("3")], [["b"], [], []]);
});

test("objects are frozen, so that a reader can't change another's", async (t) => {
  const w = world(t, ["a"]);
  await started(w);
  const object = w.factory.informer(configMaps).lister.get("ns/a");
  assert.throws(() => {
    if (object?.metadata !== undefined) object.metadata.name = "b";
  }, TypeError);
});

test("the signal ends everything; nothing is left running", async (t) => {
  const w = world(t, ["a"]);
  const stop = new AbortController();
  w.factory.informer(configMaps);
  w.factory.start(stop.signal);
  await w.factory.waitForSync(stop.signal);
  stop.abort();
  await settle();
  assert.equal(w.api.store.watchers, 0);
  assert.equal(w.clock.waiting, 0);
});

test("what a server says of managed fields is dropped", async (t) => {
  const w = world(t);
  await started(w);
  const managedFields = [{ manager: "kubectl", operation: "Apply" }];
  const { metadata, ...rest } = map("a");
  await w.client.resource(configMaps, "ns").create({ ...rest, metadata: { ...metadata, managedFields } });
  await settle();
  const found = w.factory.informer(configMaps).lister.get("ns/a");
  assert.equal(found?.metadata?.name, "a");
  assert.ok(!("managedFields" in found.metadata));
});
