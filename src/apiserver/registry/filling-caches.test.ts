/** Caches that are made, or become whole again, while the feed is running. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import { CompactedError, type Entry, type EventBatch, type Store } from "#store/store.ts";
import { CacheFeed } from "./cache-feed.ts";
import type { ResourceCache } from "./resource-cache.ts";

const key = (name: string): string => `/registry/things/${name}`;
const value = Buffer.from(JSON.stringify({ metadata: {} }));

/** A store that answers a list of things when it is told to, with what was there when it was asked. */
class FarStore {
  readonly inner = openMemoryStore({ clock: systemClock, log: silentLogger });
  /** Of which nobody can be read now. */
  hidden: string | undefined;
  onList: (listed: number) => Promise<void> = () => Promise.resolve();
  cutOff: (error: Error) => void = () => undefined;
  #listed = 0;
  readonly store: Store;

  constructor() {
    const { inner } = this;
    const watch = (prefix: string, options: Parameters<Store["watch"]>[1]): AsyncIterable<EventBatch> =>
      this.#watch(prefix, options);
    this.store = Object.create(inner, {
      revision: { get: () => inner.revision },
      latest: { value: () => inner.latest() },
      get: {
        value: async (name: string) => {
          const { entry, ...rest } = await inner.get(name);
          return { ...rest, entry: entry === undefined ? undefined : this.#seen(entry) };
        },
      },
      list: {
        value: async (prefix: string) => {
          const { entries, ...rest } = await inner.list(prefix);
          if (prefix === "/registry/things/") await this.onList((this.#listed += 1));
          return { ...rest, entries: entries.map((entry) => this.#seen(entry)) };
        },
      },
      watch: { value: watch },
    }) as Store;
  }

  #seen(entry: Entry): Entry {
    if (entry.key !== this.hidden) return entry;
    const { value: own, createRevision, modRevision, version } = entry;
    return { key: entry.key, value: own, createRevision, modRevision, version, fault: new Error("no key") };
  }

  async *#watch(prefix: string, options: Parameters<Store["watch"]>[1]): AsyncIterable<EventBatch> {
    const failure = new Promise<never>((_, reject) => {
      this.cutOff = reject;
    });
    const batches = this.inner.watch(prefix, options)[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([batches.next(), failure]);
      if (next.done === true) return;
      yield next.value;
    }
  }
}

/** `before`: what is made of the feed before it runs. */
async function following(
  t: TestContext,
  far: FarStore,
  before: (feed: CacheFeed) => void = () => undefined,
): Promise<CacheFeed> {
  const feed = new CacheFeed({
    store: far.store,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  before(feed);
  const stop = new AbortController();
  const filled = Promise.withResolvers<void>();
  const running = feed.run(stop.signal, filled.resolve);
  await filled.promise;
  t.after(async () => {
    stop.abort();
    await running;
    await far.inner.close();
  });
  return feed;
}

const names = (cache: ResourceCache): readonly string[] => [...cache.objects("")].map(({ name }) => name);

test("what goes while a cache is filled isn't in it, and what can't be read and goes isn't missed", async (t) => {
  const far = new FarStore();
  const feed = await following(t, far);
  for (const name of ["gone", "hidden", "kept"]) await far.inner.create(key(name), value);
  far.hidden = key("hidden");
  far.onList = async () => {
    await far.inner.delete(key("gone"));
    await far.inner.delete(key("hidden"));
    await feed.reach(far.inner.revision);
  };
  const cache = await feed.addCache("things", false);
  assert.deepEqual(names(cache), ["kept"]);
  assert.equal(cache.unreadable.isEmpty, true);
});

test("a cache that couldn't be filled is made anew", async (t) => {
  const far = new FarStore();
  const feed = await following(t, far);
  await far.inner.create(key("there"), value);
  await feed.reach(far.inner.revision);
  far.onList = (listed) => (listed === 1 ? Promise.reject(new Error("far away")) : Promise.resolve());
  await assert.rejects(feed.addCache("things", false), /^Error: far away$/);
  assert.deepEqual(names(await feed.addCache("things", false)), ["there"]);
});

test("what goes while the feed is cut off isn't in a cache that is filled meanwhile", async (t) => {
  const far = new FarStore();
  const feed = await following(t, far);
  for (const name of ["gone", "kept"]) await far.inner.create(key(name), value);
  await feed.reach(far.inner.revision);
  far.onList = async (listed) => {
    if (listed > 1) return;
    far.cutOff(new CompactedError(feed.revision + 1n));
    await far.inner.delete(key("gone"));
    await feed.reach(far.inner.revision);
  };
  assert.deepEqual(names(await feed.addCache("things", false)), ["kept"]);
});

test("who keeps books hears of what can be read again", async (t) => {
  const far = new FarStore();
  await far.inner.create(key("hidden"), value);
  far.hidden = key("hidden");
  const feed = await following(t, far, (made) => made.cache("things", false));
  const cache = feed.cache("things", false);
  const told: (string | undefined)[] = [];
  cache.listen({ onEvent: ({ current }) => told.push(current?.name) });
  await feed.reread();
  assert.deepEqual([names(cache), told], [[], []]);
  far.hidden = undefined;
  await feed.reread();
  assert.deepEqual([names(cache), told], [["hidden"], ["hidden"]]);
});
