import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchEvent } from "#api/meta/object.ts";
import { isExpired } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SubscriptionOverflowError } from "#base/subscription.ts";
import type { Query, Transport } from "#client/client.ts";
import { openMemoryStore } from "#store/memory.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { KeptBytes } from "#base/kept-bytes.ts";
import { CacheFeed } from "./cache-feed.ts";
import { ResourceCache } from "./resource-cache.ts";
import { systemRandom } from "#base/random.ts";
import { openWatch } from "./watcher.ts";

const path = "/api/v1/namespaces/default/configmaps";

const create = (transport: Transport, name: string, labels: Record<string, string> = {}): Promise<unknown> =>
  transport.request({ method: "POST", path, body: { metadata: { name, labels } } });

const label = (transport: Transport, name: string, labels: Record<string, string | null>): Promise<unknown> =>
  transport.request({
    method: "PATCH",
    path: `${path}/${name}`,
    contentType: "application/merge-patch+json",
    body: { metadata: { labels } },
  });

const remove = (transport: Transport, name: string): Promise<unknown> =>
  transport.request({ method: "DELETE", path: `${path}/${name}` });

/** The first `count` events. */
async function take(transport: Transport, query: Query, count: number): Promise<WatchEvent[]> {
  const stop = new AbortController();
  const events: WatchEvent[] = [];
  for await (const event of transport.watch({ method: "GET", path, query, signal: stop.signal })) {
    events.push(event);
    if (events.length === count) break;
  }
  stop.abort();
  return events;
}

const texts = (events: readonly WatchEvent[]): string[] =>
  events.map(
    ({ type, object }) => `${type} ${object.metadata?.name ?? ""}@${object.metadata?.resourceVersion ?? ""}`,
  );

test("without a revision the state comes first, then what happens", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await create(transport, "b");
  await create(transport, "a");
  const watching = take(transport, {}, 4);
  await create(transport, "c");
  await remove(transport, "b");
  assert.deepEqual(texts(await watching), ["ADDED a@3", "ADDED b@2", "ADDED c@4", "DELETED b@5"]);
});

test("from a revision on only what came after it", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const name of ["a", "b", "c"]) await create(transport, name);
  const watching = take(transport, { resourceVersion: "2" }, 3);
  await label(transport, "a", { x: "y" });
  assert.deepEqual(texts(await watching), ["ADDED b@3", "ADDED c@4", "MODIFIED a@5"]);
});

test("objects come and go with the selector", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const watching = take(transport, { labelSelector: "x=y", resourceVersion: "1" }, 4);
  await create(transport, "a");
  await label(transport, "a", { x: "y" });
  await label(transport, "a", { z: "1" });
  await label(transport, "a", { x: "n" });
  await label(transport, "a", { x: "y" });
  const events = await watching;
  assert.deepEqual(texts(events), ["ADDED a@3", "MODIFIED a@4", "DELETED a@5", "ADDED a@6"]);
  // What leaves is shown as it was when it still matched.
  assert.deepEqual(events[2]?.object.metadata?.labels, { x: "y", z: "1" });
});

test("a streaming list ends its initial events with a marked bookmark", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await create(transport, "a");
  const query = {
    sendInitialEvents: "true",
    resourceVersionMatch: "NotOlderThan",
    allowWatchBookmarks: "true",
  };
  const watching = take(transport, query, 3);
  await new Promise((resolve) => setImmediate(resolve));
  await create(transport, "b");
  const events = await watching;
  assert.deepEqual(texts(events), ["ADDED a@2", "BOOKMARK @2", "ADDED b@3"]);
  assert.deepEqual(events[1]?.object, {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { resourceVersion: "2", annotations: { "k8s.io/initial-events-end": "true" } },
  });
});

test("bookmarks come once a minute to those who want them, and nothing waits when nobody does", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  await create(transport, "a");
  const watching = take(transport, { resourceVersion: "2", allowWatchBookmarks: "true" }, 1);
  await clock.advance(1);
  await transport.request({
    method: "POST",
    path: "/api/v1/namespaces/default/secrets",
    body: { metadata: { name: "s" } },
  });
  await clock.advance(60_000);
  assert.deepEqual(texts(await watching), ["BOOKMARK @3"]);
  await clock.advance(1);
  assert.equal(clock.waiting, 0);
});

test("watches of one name or one node see what comes to them and what leaves them", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const pods = "/api/v1/namespaces/default/pods";
  const watchPods = async (fieldSelector: string, count: number): Promise<string[]> => {
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const query = { fieldSelector, resourceVersion: "1" };
    for await (const event of transport.watch({ method: "GET", path: pods, query, signal: stop.signal })) {
      if (events.push(event) === count) break;
    }
    return texts(events);
  };
  const ofNode = watchPods("spec.nodeName=n1", 3);
  const ofNone = watchPods("spec.nodeName=", 4);
  const ofName = watchPods("metadata.name=b", 3);
  for (const name of ["a", "b"]) {
    const spec = { containers: [{ name: "c", image: "x" }] };
    await transport.request({ method: "POST", path: pods, body: { metadata: { name }, spec } });
  }
  for (const name of ["a", "b"]) {
    const body = { metadata: { name }, target: { name: name === "a" ? "n1" : "n2" } };
    await transport.request({ method: "POST", path: `${pods}/${name}/binding`, body });
  }
  for (const name of ["a", "b"]) {
    const body = { status: { phase: "Failed" } };
    const contentType = "application/merge-patch+json";
    await transport.request({ method: "PATCH", path: `${pods}/${name}/status`, contentType, body });
  }
  await transport.request({ method: "DELETE", path: `${pods}/a` });
  assert.deepEqual(await ofNode, ["ADDED a@4", "MODIFIED a@6", "DELETED a@8"]);
  assert.deepEqual(await ofNone, ["ADDED a@2", "ADDED b@3", "DELETED a@4", "DELETED b@5"]);
  assert.deepEqual(await ofName, ["ADDED b@3", "MODIFIED b@5", "MODIFIED b@7"]);
});

test("a watch ends by itself after timeoutSeconds", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  await create(transport, "a");
  const ended = take(transport, { timeoutSeconds: "5" }, 100);
  await clock.advance(1);
  await clock.advance(6000);
  assert.deepEqual(texts(await ended), ["ADDED a@2"]);
});

test("a revision below the ring is replayed from the store's log", async () => {
  await using first = await startTestApiserver();
  const before = first.transport();
  for (const name of ["a", "b", "c"]) await create(before, name);
  await remove(before, "b");
  // Another server over the same store has seen none of it.
  await using second = await startTestApiserver({ store: first.store });
  const watching = take(second.transport(), { resourceVersion: "2" }, 4);
  await create(before, "d");
  assert.deepEqual(texts(await watching), ["ADDED b@3", "ADDED c@4", "DELETED b@5", "ADDED d@6"]);
});

test("a compacted revision ends the watch with Expired", async () => {
  await using first = await startTestApiserver();
  for (const name of ["a", "b", "c"]) await create(first.transport(), name);
  await first.compact();
  await using second = await startTestApiserver({ store: first.store });
  await assert.rejects(take(second.transport(), { resourceVersion: "2" }, 1), isExpired);
});

for (const [what, bytes, most] of [
  ["many changes", 15, 20_000],
  ["large changes", 2 ** 20, 64],
] as const) {
  test(`a reader that is ${what} behind loses the watch, not an event`, async () => {
    const cache = new ResourceCache("/registry/configmaps/", true);
    const clock = new ManualClock();
    const store = openMemoryStore({ clock, log: silentLogger });
    const items = openWatch(
      {
        namespace: "",
        matches: undefined,
        interest: {},
        withState: false,
        revision: 0n,
        markEnd: false,
        bookmarks: false,
        timeoutMs: 1e9,
        signal: new AbortController().signal,
      },
      {
        cache,
        feed: new CacheFeed({ store, clock, random: systemRandom, log: silentLogger }),
        store,
        clock,
        onBookmark: () => () => undefined,
      },
    );
    const object = Buffer.from('{"metadata":{}}'.padEnd(bytes));
    for (let i = 1; i <= most; i++) {
      cache.put({ namespace: "n", name: String(i) }, new KeptBytes(object), BigInt(i));
    }
    assert.equal(items.ended, false);
    cache.put({ namespace: "n", name: "last" }, new KeptBytes(object), BigInt(most + 1));
    assert.equal(items.ended, true);
    await assert.rejects(items.next(), SubscriptionOverflowError);
    await store.close();
  });
}
