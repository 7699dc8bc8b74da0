/** Kill -9 in a loop, and what must hold after each: nothing acknowledged or seen is lost, no revision given twice. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { openSqliteStore } from "../sqlite/store.ts";
import type { Entry, Revision } from "../store.ts";
import type { CrashWriterNews, CrashWriterOptions } from "./crash-writer.ts";

/** Calls back with each piece of news until that returns true, then kills it. */
export async function runAndKill(
  options: CrashWriterOptions,
  isEnough: (news: CrashWriterNews, child: ChildProcess) => boolean,
): Promise<void> {
  const child = fork(new URL("./crash-writer.ts", import.meta.url), { execArgv: [] });
  const exited = once(child, "exit");
  child.on("message", (news: CrashWriterNews) => {
    if (isEnough(news, child)) child.kill("SIGKILL");
  });
  child.send(options);
  const [, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", "the writer ended by itself");
}

interface Promised {
  readonly key: string;
  readonly value: string | undefined;
}

export interface CrashRounds {
  readonly path: string;
  readonly rounds: number;
  readonly random: Random;
  /** After each: how many were promised in all. */
  readonly onRound?: (round: number, promised: number, revision: Revision) => void;
}

/** Throws AssertionError at the first broken promise. Returns how many promises were kept. */
export async function crashRounds({ path, rounds, random, onRound }: CrashRounds): Promise<number> {
  const promised = new Map<Revision, Promised>();
  let count = 0;
  let before = 1n;
  for (let round = 0; round < rounds; round++) {
    const acknowledgedMax = Math.floor(random.next() * 600);
    let acknowledged = 0;
    await runAndKill({ path, writers: 1 + Math.floor(random.next() * 32), round }, (news) => {
      if (news.kind === "opened") {
        assert.equal(BigInt(news.revision), before);
        return acknowledgedMax === 0;
      }
      const revision = BigInt(news.revision);
      const known = promised.get(revision);
      assert.ok(revision > before, `round ${round} gives revision ${revision} again`);
      const { key, value } = news;
      if (known === undefined) count++;
      else assert.deepEqual({ key, value }, known);
      promised.set(revision, { key, value });
      if (news.kind === "acknowledged") acknowledged++;
      return acknowledged >= acknowledgedMax;
    });
    const { revision, compacted } = await checkPromises(path, promised);
    before = revision;
    // They were there when they were compacted, and can't be looked at any more.
    for (const old of promised.keys()) if (old < compacted) promised.delete(old);
    onRound?.(round, count, revision);
  }
  return count;
}

/**
 * Each promise is in the log, unless compacted; and what is there now is the last of each key's events.
 * Returns where the store is.
 */
async function checkPromises(
  path: string,
  promised: ReadonlyMap<Revision, Promised>,
): Promise<{ readonly revision: Revision; readonly compacted: Revision }> {
  const store = await openSqliteStore({ path }, { clock: systemClock, log: silentLogger });
  try {
    const newest = [...promised.keys()].reduce((a, b) => (a > b ? a : b), 1n);
    assert.ok(store.revision >= newest, `revision ${newest} was promised, the store is at ${store.revision}`);
    const logged = new Map<Revision, Promised>();
    const state = new Map<string, Entry>();
    const first = store.compactRevision;
    if (first > 0n) {
      for (const entry of (await store.list("/w/", { revision: first })).entries) state.set(entry.key, entry);
    }
    const { signal } = new AbortController();
    for await (const batch of store.watch("/w/", { startRevision: first, signal })) {
      for (const { type, key, revision, entry } of batch.events) {
        logged.set(revision, { key, value: type === "put" ? entry.value.toString() : undefined });
        if (type === "put") state.set(key, entry);
        else state.delete(key);
      }
      if (batch.revision >= store.revision) break;
    }
    for (const [revision, promise] of promised) {
      if (revision < first) continue;
      assert.deepEqual(logged.get(revision), promise, `revision ${revision} was promised`);
    }
    for (let revision = first > 2n ? first : 2n; revision <= store.revision; revision++) {
      assert.ok(logged.has(revision), `the log has a hole at ${revision}`);
    }
    const now = (await store.list("/w/")).entries;
    assert.deepEqual(
      now.map((entry) => [entry.key, entry.modRevision, entry.version]),
      [...state.values()]
        .map((entry) => [entry.key, entry.modRevision, entry.version] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    return { revision: store.revision, compacted: first };
  } finally {
    await store.close();
  }
}
