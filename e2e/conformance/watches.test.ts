/** What upstream's conformance demands of watches: what is seen, from where on, and in which order. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { systemRandom } from "#base/random.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { ApiClient, at, textAt, type Json, type WatchedEvent } from "./api-client.ts";
import { makeNamespace, named } from "./core-objects.ts";

let server: BareServer;
let api: ApiClient;

const revisionOf = (object: unknown): string => textAt(object, "metadata.resourceVersion");
const event = (type: string, object: Json): WatchedEvent => ({ type, object });

suite("conformance: watches", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  test("add, update and delete are seen by those whose labels it has", seenByLabel);
  test("a watch starts from a specific resource version", fromRevision);
  test("a watch restarts from the last resource version the one before it saw", restarted);
  test("an object that stops meeting the selector is deleted, and one that meets it again added", reselected);
  test("concurrent watches receive events in the same order", inOneOrder);
  test("bookmarks mark the end of the initial events, for who asks for them", bookmarked);
});

async function seenByLabel(): Promise<void> {
  const path = `${await makeNamespace(api, "watch-labels")}/configmaps`;
  const selector = (values: string): string => `${path}?watch=1&labelSelector=watch+in+(${values})`;
  using a = await api.watch(selector("a"));
  using b = await api.watch(selector("b"));
  using either = await api.watch(selector("a,b"));
  const madeA = await api.create(path, named("a", { labels: { watch: "a" } }));
  const first = await api.merge(`${path}/a`, { data: { mutation: "1" } });
  const second = await api.merge(`${path}/a`, { data: { mutation: "2" } });
  await api.must("DELETE", `${path}/a`);
  const madeB = await api.create(path, named("b", { labels: { watch: "b" } }));
  await api.must("DELETE", `${path}/b`);
  // The last one for each: nothing of the other's came before it.
  for (const watch of ["a", "b"]) await api.create(path, named(`end-${watch}`, { labels: { watch } }));
  const ofA = [event("ADDED", madeA), event("MODIFIED", first), event("MODIFIED", second)];
  const seenOfA = ["ADDED a", "MODIFIED a", "MODIFIED a", "DELETED a"];
  const seenOfB = ["ADDED b", "DELETED b"];
  assert.deepEqual(await a.until(5), [...seenOfA, "ADDED end-a"]);
  assert.deepEqual(a.events.slice(0, 3), ofA);
  assert.deepEqual(await b.until(3), [...seenOfB, "ADDED end-b"]);
  assert.deepEqual(b.events[0], event("ADDED", madeB));
  assert.deepEqual(await either.until(8), [...seenOfA, ...seenOfB, "ADDED end-a", "ADDED end-b"]);
  assert.deepEqual(either.events.slice(0, 3), ofA);
  assert.deepEqual(either.events[4], event("ADDED", madeB));
}

async function fromRevision(): Promise<void> {
  const path = `${await makeNamespace(api, "watch-from")}/configmaps`;
  await api.create(path, named("c", { labels: { watch: "from" } }));
  const first = await api.merge(`${path}/c`, { data: { mutation: "1" } });
  const second = await api.merge(`${path}/c`, { data: { mutation: "2" } });
  await api.must("DELETE", `${path}/c`);
  const query = `watch=1&labelSelector=watch%3Dfrom&resourceVersion=${revisionOf(first)}`;
  using watching = await api.watch(`${path}?${query}`);
  assert.deepEqual(await watching.until(2), ["MODIFIED c", "DELETED c"]);
  assert.deepEqual(watching.events[0], event("MODIFIED", second));
}

async function restarted(): Promise<void> {
  const path = `${await makeNamespace(api, "watch-restart")}/configmaps`;
  const selected = `${path}?watch=1&labelSelector=watch%3Drestarted`;
  let last: Json;
  {
    using first = await api.watch(selected);
    const made = await api.create(path, named("c", { labels: { watch: "restarted" } }));
    await api.merge(`${path}/c`, { data: { mutation: "1" } });
    assert.deepEqual(await first.until(2), ["ADDED c", "MODIFIED c"]);
    assert.deepEqual(first.events[0], event("ADDED", made));
    last = first.events[1]?.object ?? {};
  }
  const changed = await api.merge(`${path}/c`, { data: { mutation: "2" } });
  using second = await api.watch(`${selected}&resourceVersion=${revisionOf(last)}`);
  await api.must("DELETE", `${path}/c`);
  assert.deepEqual(await second.until(2), ["MODIFIED c", "DELETED c"]);
  assert.deepEqual(second.events[0], event("MODIFIED", changed));
}

async function reselected(): Promise<void> {
  const path = `${await makeNamespace(api, "watch-selector")}/configmaps`;
  using watching = await api.watch(`${path}?watch=1&labelSelector=watch%3Dyes`);
  const label = (watch: string): Promise<Json> => api.merge(`${path}/c`, { metadata: { labels: { watch } } });
  const mutate = (mutation: string): Promise<Json> => api.merge(`${path}/c`, { data: { mutation } });
  const made = await api.create(path, named("c", { labels: { watch: "yes" } }));
  const first = await mutate("1");
  await label("wrong-value");
  assert.deepEqual(await watching.until(3), ["ADDED c", "MODIFIED c", "DELETED c"]);
  await mutate("2");
  const restored = await label("yes");
  const third = await mutate("3");
  await api.must("DELETE", `${path}/c`);
  const half = ["ADDED c", "MODIFIED c", "DELETED c"];
  assert.deepEqual(await watching.until(6), [...half, ...half]);
  const [added, modified, deleted, ...later] = watching.events;
  assert.deepEqual([added, modified], [event("ADDED", made), event("MODIFIED", first)]);
  assert.equal(at(deleted?.object, "data.mutation"), "1");
  assert.deepEqual(later.slice(0, 2), [event("ADDED", restored), event("MODIFIED", third)]);
}

/** Upstream's writer: one of three things at random, as long as it is wanted. */
async function write(path: string, isWanted: () => boolean): Promise<void> {
  const existing: string[] = [];
  for (let i = 0; isWanted(); i++) {
    const pick = Math.floor(systemRandom.next() * existing.length);
    const name = existing[pick] ?? "";
    const choice = existing.length === 0 ? 0 : Math.floor(systemRandom.next() * 3);
    if (choice === 0) {
      await api.create(path, named(`cm-${i}`));
      existing.push(`cm-${i}`);
    } else if (choice === 1) {
      // Without a resource version: it is whatever is there that is replaced.
      await api.update(`${path}/${name}`, named(name, { labels: { mutated: String(i) } }));
    } else {
      await api.must("DELETE", `${path}/${name}`);
      existing.splice(pick, 1);
    }
  }
}

async function inOneOrder(): Promise<void> {
  const watches = 100;
  const path = `${await makeNamespace(api, "watch-order")}/configmaps`;
  let from = revisionOf(await api.get(path));
  let wanted = true;
  const writing = write(path, () => wanted);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    wanted = false;
  });
  const all = [stack.use(await api.watch(`${path}?watch=1&resourceVersion=${from}`))];
  const revisions = (index: number): string[] =>
    all[index]?.events.map(({ object }) => revisionOf(object)) ?? [];
  for (let i = 1; i < watches; i++) {
    await all[0]?.until(i);
    from = revisions(0)[i - 1] ?? "";
    all.push(stack.use(await api.watch(`${path}?watch=1&resourceVersion=${from}`)));
  }
  await all[0]?.until(watches + 20);
  wanted = false;
  await writing;
  const order = revisions(0).slice(0, watches + 20);
  for (const [i, watching] of all.entries()) {
    await watching.until(order.length - i);
    assert.deepEqual(revisions(i).slice(0, order.length - i), order.slice(i), `the watch from event ${i}`);
  }
}

async function bookmarked(): Promise<void> {
  const path = `${await makeNamespace(api, "watch-bookmarks")}/configmaps`;
  await api.create(path, named("c"));
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  using watching = await api.watch(`${path}?${query}&fieldSelector=metadata.name%3Dc`);
  assert.deepEqual(await watching.until(2), ["ADDED c", "BOOKMARK "]);
  const marks = at(watching.events[1]?.object, "metadata.annotations") as Json;
  assert.deepEqual(marks, { "k8s.io/initial-events-end": "true" });
}
