/** What a store over a network owes when the network breaks: nothing twice, nothing acknowledged lost, no gap. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CompactedError,
  KeyExistsError,
  RevisionMismatchError,
  type Store,
  StoreUnreachableError,
  StoreWriteError,
} from "#store/store.ts";
import { bytes, eventsUpTo, neverAborted } from "#store/testing/cases.ts";
import { eventually } from "../wait.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

export interface Broken {
  /** Through the proxy. */
  readonly store: Store;
  /** On the same database, not through it. */
  readonly other: Store;
  readonly proxy: TcpProxy;
  readonly close: () => Promise<void>;
}

const writers = 8;
const cuts = 15;
const waitMaxMs = 20_000;

/** What one writer has done: every attempt has a text of its own. */
class Attempts {
  readonly acknowledged = new Set<string>();
  readonly refused = new Set<string>();
  readonly unknown = new Set<string>();

  note(text: string, error?: Error): void {
    if (error === undefined) this.acknowledged.add(text);
    else if (error instanceof StoreWriteError) this.unknown.add(text);
    else if (
      error instanceof StoreUnreachableError ||
      error instanceof RevisionMismatchError ||
      error instanceof KeyExistsError
    ) {
      this.refused.add(text);
    } else throw error;
  }
}

/** Creates, updates and deletes its own key for as long as it may. */
async function write(store: Store, key: string, attempts: Attempts, isDone: () => boolean): Promise<void> {
  for (let round = 0; !isDone(); round++) {
    const text = `${key} ${round}`;
    try {
      const { entry } = await store.get(key);
      if (entry === undefined) await store.create(key, bytes(text));
      else await store.update(key, bytes(text), entry.modRevision);
      attempts.note(text);
      if (round % 10 === 9) await store.delete(key).catch(() => undefined);
    } catch (error) {
      attempts.note(text, error as Error);
    }
  }
}

export function faultCases(name: string, open: () => Promise<Broken>): void {
  test(`${name}: connections that break in the middle of writes`, async () => {
    const { store, other, proxy, close } = await open();
    const attempts = new Attempts();
    let isDone = false;
    const watch = store.watch("/f/", { startRevision: 1n, signal: neverAborted() });
    const writing = Array.from({ length: writers }, (_, at) =>
      write(store, `/f/${at}`, attempts, () => isDone),
    );
    for (let cut = 0; cut < cuts; cut++) {
      const from = attempts.acknowledged.size;
      await eventually("writes are acknowledged", waitMaxMs, () =>
        Promise.resolve(attempts.acknowledged.size > from + 20),
      );
      proxy.cut();
    }
    isDone = true;
    await Promise.all(writing);
    const end = await other.create("/f/end", bytes("end"));
    const direct = await eventsUpTo(
      other.watch("/f/", { startRevision: 1n, signal: neverAborted() }),
      end.modRevision,
    );
    const told = await eventsUpTo(watch, end.modRevision);
    // The feed through all the breaks is the same as one without any.
    assert.deepEqual(
      told.map(({ revision, key, type }) => `${revision} ${type} ${key}`),
      direct.map(({ revision, key, type }) => `${revision} ${type} ${key}`),
    );
    const written = direct.filter(({ type }) => type === "put").map(({ entry }) => entry.value.toString());
    const once = new Set(written);
    assert.equal(written.length, once.size, "a write was made twice");
    for (const text of attempts.acknowledged) assert.ok(once.has(text), `acknowledged and lost: ${text}`);
    for (const text of attempts.refused) assert.ok(!once.has(text), `refused and made: ${text}`);
    assert.ok(attempts.acknowledged.size > 20 * cuts);
    await close();
  });
}

export function absenceCases(name: string, open: () => Promise<Broken>): void {
  test(`${name}: cut off while others compact`, async () => {
    const { store, other, proxy, close } = await open();
    await store.create("/c/before", bytes("1"));
    const watch = store.watch("/c/", { signal: neverAborted() });
    const reading = eventsUpTo(watch, 1_000_000n);
    reading.catch(() => undefined);
    proxy.isDown = true;
    proxy.cut();
    for (let at = 0; at < 20; at++) await other.create(`/c/${at}`, bytes("1"));
    await other.compact(other.revision);
    await other.create("/c/after", bytes("1"));
    proxy.isDown = false;
    await assert.rejects(reading, CompactedError);
    await eventually("the feed goes on", waitMaxMs, () => Promise.resolve(store.revision === other.revision));
    const { revision } = await store.list("/c/");
    const live = store.watch("/c/", { startRevision: revision + 1n, signal: neverAborted() });
    const next = await other.create("/c/next", bytes("1"));
    const events = await eventsUpTo(live, next.modRevision);
    assert.deepEqual(
      events.map(({ key }) => key),
      ["/c/next"],
    );
    await close();
  });

  test(`${name}: away for a while, reads and writes wait, then say so`, async () => {
    const { store, proxy, close } = await open();
    await store.create("/w/a", bytes("1"));
    proxy.isDown = true;
    proxy.cut();
    const waiting = store.latest();
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    proxy.isDown = false;
    assert.equal(await waiting, store.revision);
    await store.create("/w/b", bytes("1"));
    await close();
  });
}
