/** What caches and the store behind them are counted for, by what happens to them. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { KeptBytes } from "#base/kept-bytes.ts";
import { silentLogger } from "#base/log.ts";
import { resourceVersionTooLargeError } from "#api/meta/status.ts";
import { CacheFeed } from "#apiserver/registry/cache-feed.ts";
import { list } from "#apiserver/registry/read.ts";
import type { ResourceCache } from "#apiserver/registry/resource-cache.ts";
import { openWatch } from "#apiserver/registry/watcher.ts";
import { openMemoryStore } from "#store/memory.ts";
import { registerCacheMetrics } from "./cache-metrics.ts";
import { metricsText } from "./exposition.ts";
import { systemRandom } from "#base/random.ts";
import { MeasuredServer, valueIn } from "./testing/measured-server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const ofMaps = { group: "", resource: "configmaps" };
const map = (name: string, labels = {}): object => ({ metadata: { name, labels } });

suite("a server's caches", async () => {
  const measured = await MeasuredServer.start();
  after(() => measured[Symbol.asyncDispose]());
  for (const name of ["a", "b", "c"]) await measured.send("POST", maps, map(name, { name }));
  const revision = async (): Promise<string> => {
    const { body } = await measured.send("GET", `${maps}?limit=1`);
    return (JSON.parse(body.toString("utf8")) as { metadata: { resourceVersion: string } }).metadata
      .resourceVersion;
  };

  test("a list counts what it looked at and what it answered", async () => {
    const before = await measured.text();
    await measured.send("GET", `${maps}?labelSelector=name%3Db`);
    const now = await measured.text();
    const grown = (name: string): number => valueIn(now, name, ofMaps) - valueIn(before, name, ofMaps);
    assert.equal(grown("apiserver_cache_list_total"), 1);
    assert.equal(grown("apiserver_cache_list_fetched_objects_total"), 3);
    assert.equal(grown("apiserver_cache_list_returned_objects_total"), 1);
    assert.match(now, /^apiserver_cache_list_total\{group="",index="",resource="configmaps"\} \d+$/m);
    assert.equal(grown("apiserver_storage_list_total"), 0);
    assert.equal(grown("apiserver_watch_cache_read_wait_seconds_count"), 1);
    const consistent =
      /^apiserver_watch_cache_consistent_read_total\{fallback="false",group="",resource="configmaps",success="true"\} [1-9]/m;
    assert.match(now, consistent);
  });

  test("a list of the past comes from the store", async () => {
    const past = await revision();
    await measured.send("DELETE", `${maps}/c`);
    const before = await measured.text();
    const query = `resourceVersion=${past}&resourceVersionMatch=Exact&labelSelector=name%3Dc`;
    assert.equal((await measured.send("GET", `${maps}?${query}`)).status, 200);
    const now = await measured.text();
    const grown = (name: string): number => valueIn(now, name, ofMaps) - valueIn(before, name, ofMaps);
    assert.equal(grown("apiserver_storage_list_total"), 1);
    assert.equal(grown("apiserver_storage_list_fetched_objects_total"), 3);
    assert.equal(grown("apiserver_storage_list_evaluated_objects_total"), 3);
    assert.equal(grown("apiserver_storage_list_returned_objects_total"), 1);
    assert.equal(grown("apiserver_cache_list_total"), 0);
  });

  test("changes are received and dispatched, objects and bytes counted", async () => {
    const before = await measured.text();
    const data = { ...map("d"), data: { text: "x".repeat(5000) } };
    await measured.send("POST", maps, data);
    await measured.send("PUT", `${maps}/d`, { ...data, data: { text: "x".repeat(6000) } });
    const now = await measured.text();
    const grown = (name: string): number => valueIn(now, name, ofMaps) - valueIn(before, name, ofMaps);
    assert.equal(grown("apiserver_watch_cache_events_received_total"), 2);
    assert.equal(grown("apiserver_watch_cache_events_dispatched_total"), 2);
    assert.equal(grown("apiserver_storage_events_received_total"), 2);
    assert.equal(grown("apiserver_resource_objects"), 1);
    assert.ok(grown("apiserver_resource_size_estimate_bytes") > 6000);
    const said = valueIn(now, "apiserver_watch_cache_resource_version", ofMaps);
    assert.equal(said, Number(await revision()));
    assert.equal(valueIn(now, "apiserver_watch_cache_initializations_total", ofMaps), 1);
    assert.equal(valueIn(now, "watch_cache_capacity", ofMaps), 4096);
    assert.equal(
      valueIn(now, "apiserver_storage_objects", { resource: "configmaps" }),
      valueIn(now, "apiserver_resource_objects", ofMaps),
    );
  });

  test("a watch counts what it begins with", async () => {
    const grown = await measured.growth("apiserver_init_events_total", ofMaps, () =>
      measured.send("GET", `${maps}?watch=true&timeoutSeconds=1`),
    );
    assert.equal(grown, 3);
  });

  test("custom resources are counted, and no longer once there are none", async () => {
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const schema = { openAPIV3Schema: { type: "object" } };
    const crd = {
      metadata: { name: "gadgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Cluster",
        names: { plural: "gadgets", kind: "Gadget" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    };
    assert.equal((await measured.send("POST", crds, crd)).status, 201);
    const gadget = { apiVersion: "example.com/v1", kind: "Gadget", metadata: { name: "g" } };
    const post = async (): Promise<number> =>
      (await measured.send("POST", "/apis/example.com/v1/gadgets", gadget)).status;
    for (let status = 404; status === 404;) status = await post();
    const labels = { group: "example.com", resource: "gadgets" };
    assert.equal(await measured.value("apiserver_resource_objects", labels), 1);
    assert.equal(await measured.value("apiserver_storage_objects", { resource: "gadgets.example.com" }), 1);
    await measured.send("DELETE", `${crds}/gadgets.example.com`);
    for (let status = 200; status !== 404;) {
      ({ status } = await measured.send("GET", `${crds}/gadgets.example.com`));
    }
    assert.doesNotMatch(await measured.text(), /^apiserver_resource_objects.*gadgets/m);
  });
});

const id = { namespace: "a", name: "x" };

function cacheWorld(): {
  cache: ResourceCache;
  feed: CacheFeed;
  text: () => Promise<string>;
  store: ReturnType<typeof openMemoryStore>;
  clock: ManualClock;
} {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock, log: silentLogger });
  const feed = new CacheFeed({ store, clock, random: systemRandom, log: silentLogger });
  const cache = feed.cache("things", true);
  const registry = new Registry();
  registerCacheMetrics(registry, {
    stored: () => [{ group: "g", resource: "things", cache }],
    revision: () => 12_345_678_901_234_567n,
    sizeBytes: () => Promise.resolve(4096),
  });
  return { cache, feed, store, clock, text: () => metricsText(registry) };
}

test("who reads too slowly is counted once", async () => {
  const { cache, feed, store, clock, text } = cacheWorld();
  const start = {
    namespace: "",
    matches: undefined,
    interest: {},
    withState: true,
    revision: 0n,
    markEnd: false,
  };
  const items = openWatch(
    { ...start, bookmarks: false, timeoutMs: 1e9, signal: new AbortController().signal },
    { cache, feed, store, clock, onBookmark: () => () => undefined },
  );
  for (let revision = 1n; revision <= 20_010n; revision++) {
    cache.put(id, new KeptBytes(Buffer.from("{}")), revision);
  }
  assert.ok(items.ended);
  assert.equal(valueIn(await text(), "apiserver_terminated_watchers_total"), 1);
});

test("what isn't JSON is counted each time that it is read", async () => {
  const { cache, text } = cacheWorld();
  cache.load(id, new KeptBytes(Buffer.from("{")), 1n);
  assert.throws(() => cache.get("a", "x")?.object, SyntaxError);
  assert.throws(() => cache.get("a", "x")?.object, SyntaxError);
  assert.throws(() => cache.get("a", "x")?.lean, SyntaxError);
  assert.equal(valueIn(await text(), "apiserver_storage_decode_errors_total"), 3);
});

test("a consistent read that had to wait, and one that came to nothing", async () => {
  const { cache, feed, store, clock, text } = cacheWorld();
  const selection = { matches: undefined };
  const query = {
    namespace: "",
    selection,
    options: options(),
    waiter: { signal: new AbortController().signal },
  };
  await store.create("/registry/things/a/x", Buffer.from("{}"));
  const reading = list(cache, query as never, { feed, store, clock });
  const failing = assert.rejects(reading, resourceVersionTooLargeError(2n, 0n));
  await clock.advance(3000);
  await failing;
  const said = await text();
  const name = "apiserver_watch_cache_consistent_read_total";
  assert.equal(valueIn(said, name, { success: "false" }), 1);
  assert.equal(valueIn(said, name, { success: "true" }), 0);
  assert.equal(valueIn(said, "apiserver_watch_cache_read_wait_seconds_sum"), 3);
  assert.equal(valueIn(said, "apiserver_watch_cache_read_wait_seconds_bucket", { le: "2" }), 0);
  // The fifteen least significant digits.
  assert.equal(valueIn(said, "apiserver_watch_cache_resource_version"), 345_678_901_234_567);
});

const options = (): object => ({ continue: "", resourceVersion: "", resourceVersionMatch: "", limit: 0 });
