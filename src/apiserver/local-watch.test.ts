import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchEvent } from "#api/meta/object.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { Subscription } from "#base/subscription.ts";
import { LocalWatch, type OpenedWatch } from "./local-watch.ts";

const bookmark = (revision: bigint): WatchItem => ({ type: "BOOKMARK", revision, endsInitialEvents: false });

function shown(item: WatchItem): WatchEvent {
  const resourceVersion = item.type === "BOOKMARK" ? item.revision.toString() : "";
  return { type: "BOOKMARK", object: { metadata: { resourceVersion } } };
}

type Show = (item: WatchItem) => WatchEvent | Promise<WatchEvent>;

function setup(show: Show = shown) {
  const items = new Subscription<WatchItem>({ max: 10 });
  const seen = { ends: 0, opens: 0 };
  const open = (): Promise<OpenedWatch> => {
    seen.opens += 1;
    return Promise.resolve({ items, show });
  };
  const watch = new LocalWatch({ open, onEnd: () => (seen.ends += 1) });
  return { items, seen, watch };
}

async function revisions(watch: AsyncIterable<WatchEvent>): Promise<(string | undefined)[]> {
  const all: (string | undefined)[] = [];
  for await (const { object } of watch) all.push(object.metadata?.resourceVersion);
  return all;
}

for (const [how, show] of [
  ["at once", shown],
  ["late", (item) => Promise.resolve(shown(item))],
] as readonly (readonly [string, Show])[]) {
  test(`what is pushed is shown ${how}, in order, until it is closed`, async () => {
    const { items, seen, watch } = setup(show);
    assert.equal(seen.opens, 0, "nobody has asked yet");
    const all = revisions(watch);
    for (const revision of [1n, 2n, 3n]) items.push(bookmark(revision));
    items.close();
    assert.deepEqual(await all, ["1", "2", "3"]);
    assert.deepEqual(seen, { ends: 1, opens: 1 });
    assert.equal((await watch.next()).done, true);
  });
}

test("who breaks out of the loop ends it for good", async () => {
  const { items, seen, watch } = setup();
  items.push(bookmark(1n));
  for await (const _ of watch) break;
  assert.ok(items.ended);
  assert.equal(seen.ends, 1);
  assert.equal((await watch.next()).done, true);
});

const broken = new Error("broken");
const failures: readonly (readonly [what: string, LocalWatch])[] = [
  ["opening it", new LocalWatch({ open: () => Promise.reject(broken), onEnd: () => undefined })],
  [
    "showing an item",
    setupWithItem(() => {
      throw broken;
    }),
  ],
  ["preparing an item", setupWithItem(() => Promise.reject(broken))],
];

function setupWithItem(show: Show): LocalWatch {
  const { items, watch } = setup(show);
  items.push(bookmark(1n));
  return watch;
}

for (const [what, watch] of failures) {
  test(`a failure of ${what} is the reader's, and the end`, async () => {
    await assert.rejects(revisions(watch), broken);
    assert.equal((await watch.next()).done, true);
  });
}

test("a watch of another server is handed on, and ended with its reader", async () => {
  const seen: string[] = [];
  async function* events(): AsyncIterableIterator<WatchEvent> {
    try {
      yield shown(bookmark(1n));
      yield await Promise.resolve(shown(bookmark(2n)));
    } finally {
      seen.push("over");
    }
  }
  const make = (): LocalWatch =>
    new LocalWatch({
      open: () => Promise.resolve({ events: events() }),
      onEnd: () => seen.push("told"),
    });
  assert.deepEqual(await revisions(make()), ["1", "2"]);
  assert.deepEqual(seen.splice(0), ["over", "told"]);
  for await (const _ of make()) break;
  assert.deepEqual(seen, ["over", "told"]);
});
