import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "#store/memory.ts";
import { CompactedError, type EventBatch, type Store } from "#store/store.ts";
import { systemRandom } from "#base/random.ts";
import { CacheFeed } from "./cache-feed.ts";

const key = (name: string): string => `/registry/things/${name}`;
const value = (text: string): Buffer => Buffer.from(JSON.stringify({ metadata: {}, text }));

/** A store whose watch can be cut off, as one is that reads from a datastore far away. */
function cuttable(store: Store) {
  let interrupt: ((error: Error) => void) | undefined;
  const cut: Store = Object.create(store, {
    revision: { get: () => store.revision },
    latest: { value: () => store.latest() },
    list: { value: (prefix: string) => store.list(prefix) },
    watch: {
      value: async function* watch(
        prefix: string,
        options: Parameters<Store["watch"]>[1],
      ): AsyncIterable<EventBatch> {
        const failure = new Promise<never>((_, reject) => {
          interrupt = reject;
        });
        const batches = store.watch(prefix, options)[Symbol.asyncIterator]();
        for (;;) {
          const next = await Promise.race([batches.next(), failure]);
          if (next.done === true) return;
          yield next.value;
        }
      },
    },
  }) as Store;
  return { store: cut, interrupt: (error: Error) => interrupt?.(error) };
}

test("a feed that was cut off until others had compacted begins anew, and tells what has changed", async () => {
  const inner = openMemoryStore({ clock: systemClock, log: silentLogger });
  const { store, interrupt } = cuttable(inner);
  await inner.create(key("kept"), value("1"));
  const changed = await inner.create(key("changed"), value("1"));
  await inner.create(key("gone"), value("1"));
  await inner.create(key("replaced"), value("1"));
  const feed = new CacheFeed({ store, clock: systemClock, random: systemRandom, log: silentLogger });
  const cache = feed.cache("things", false);
  const stop = new AbortController();
  const filled = Promise.withResolvers<void>();
  const running = feed.run(stop.signal, filled.resolve);
  await filled.promise;
  await feed.fresh();
  const told: string[] = [];
  cache.listen({
    onEvent: ({ revision, current, previous }) => {
      told.push(`${revision} ${previous?.name ?? "-"} ${current?.name ?? "-"}`);
    },
  });
  const before = feed.revision;
  interrupt(new CompactedError(before + 1n));
  // Before the feed comes to list again.
  await Promise.all([
    inner.update(key("changed"), value("2"), changed.modRevision),
    inner.delete(key("gone")),
    inner.delete(key("replaced")),
    inner.create(key("replaced"), value("2")),
    inner.create(key("new"), value("1")),
  ]);
  await feed.fresh();
  await settle();
  assert.equal(feed.revision, inner.revision);
  const texts = [...cache.objects("")].map(({ name, object }) => `${name} ${String(object["text"])}`);
  assert.deepEqual(texts, ["changed 2", "kept 1", "new 1", "replaced 2"]);
  assert.deepEqual(
    told.map((line) => line.replace(/^\d+ /, "")).toSorted(),
    ["- new", "- replaced", "changed changed", "gone -", "replaced -"].toSorted(),
  );
  const revisions = told.map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  // No watch can be resumed across the gap.
  assert.equal(cache.eventsAfter(before), undefined);
  // And follows again.
  await inner.create(key("later"), value("1"));
  await feed.fresh();
  assert.equal(cache.get("", "later")?.name, "later");
  stop.abort();
  await running;
});

const textOf = (name: string): string => `${name} ${"as all the others ".repeat(50)}`;

test("what many objects have in common lies in memory once, in the store, too; who reads gets all of it", async () => {
  const store = openMemoryStore({ clock: systemClock, log: silentLogger });
  const early = ["thing-1", "thing-2", "thing-3"];
  for (const name of early) await store.create(key(name), value(textOf(name)));
  const feed = new CacheFeed({ store, clock: systemClock, random: systemRandom, log: silentLogger });
  const cache = feed.cache("things", false);
  const stop = new AbortController();
  const filled = Promise.withResolvers<void>();
  const running = feed.run(stop.signal, filled.resolve);
  await filled.promise;
  const late = ["thing-4", "thing-5", "thing-6"];
  for (const name of late) await store.create(key(name), value(textOf(name)));
  await store.keyValues.put({ key: key("thing-7"), value: value(textOf("thing-7")) });
  await feed.fresh();
  const { entries } = await store.list("/registry/");
  assert.deepEqual(
    entries.map(({ kept }) => kept?.isPacked),
    [false, true, true, true, true, true, true],
  );
  const names = [...early, ...late, "thing-7"];
  const expected = names.map((name) => value(textOf(name)).toString());
  assert.deepEqual(
    entries.map((entry) => entry.value.toString()),
    expected,
  );
  assert.deepEqual(
    [...cache.objects("")].map((object) => object.value.toString()),
    expected,
  );
  const isEqual = (text: string): Promise<{ readonly succeeded: boolean }> =>
    store.keyValues.transact({
      compare: [
        {
          range: { start: key("thing-5"), end: `${key("thing-5")}\0` },
          relation: "equal",
          target: { of: "value", bytes: value(text) },
        },
      ],
      success: [],
      failure: [],
    });
  assert.equal((await isEqual(textOf("thing-5"))).succeeded, true);
  assert.equal((await isEqual(textOf("thing-6"))).succeeded, false);
  const { entry } = await store.get(key("thing-5"));
  await store.update(key("thing-5"), value("short"), entry?.modRevision ?? 0n);
  const { previous } = await store.delete(key("thing-6"));
  assert.deepEqual(previous.value, value(textOf("thing-6")));
  await feed.fresh();
  const past = await store.list("/registry/", { revision: entry?.modRevision ?? 0n });
  assert.deepEqual(
    past.entries.map((each) => each.value.toString()),
    expected.slice(0, 5),
  );
  stop.abort();
  await running;
});
