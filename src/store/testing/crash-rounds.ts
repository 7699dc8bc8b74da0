/** Kill -9 in a loop, and what must hold after each: nothing acknowledged or seen is lost, no revision given twice. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { openSqliteStore } from "../sqlite/store.ts";
import { FaceLoad } from "./crash-face.ts";
import type { Entry, Revision, Store } from "../store.ts";
import type { CrashWriterNews, CrashWriterOptions } from "./crash-writer.ts";

/** With more than half as many two commits are on their way at once. */
const writersMax = 128;

/** Processes that will write and be killed: the next one starts while one runs. */
export class CrashWriters implements AsyncDisposable {
  #next: ChildProcess | undefined;

  take(): ChildProcess {
    const child = this.#next ?? this.#start();
    this.#next = this.#start();
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#next;
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  #start(): ChildProcess {
    return fork(new URL("./crash-writer.ts", import.meta.url), { execArgv: [] });
  }
}

/** Calls back with each piece of news until that returns true, then kills it. */
export async function runAndKill(
  child: ChildProcess,
  options: CrashWriterOptions,
  isEnough: (news: CrashWriterNews, child: ChildProcess) => boolean,
): Promise<void> {
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
  await using writers = new CrashWriters();
  const face = new FaceLoad(systemClock, random);
  const promised = new Map<Revision, Promised>();
  let count = 0;
  let before = 1n;
  for (let round = 0; round < rounds; round++) {
    const acknowledgedMax = Math.floor(random.next() * 600);
    const throughFaceMax = Math.floor(random.next() * 60);
    let acknowledged = 0;
    let loading: Promise<Error | undefined> = Promise.resolve(undefined);
    const child = writers.take();
    const isEnough = (): boolean => {
      const is = acknowledged >= acknowledgedMax && face.acknowledged >= throughFaceMax;
      if (is) face.end();
      return is;
    };
    const options = { path, writers: 1 + Math.floor(random.next() * writersMax), round, hasFace: true };
    await runAndKill(child, options, (news) => {
      if (news.kind === "opened") {
        assert.equal(BigInt(news.revision), before);
        // It runs until the kill; what goes wrong before is told after it.
        loading = face.run(news.address ?? "").then(
          () => undefined,
          (error: Error) => {
            child.kill("SIGKILL");
            return error;
          },
        );
        return isEnough();
      }
      const revision = BigInt(news.revision);
      const known = promised.get(revision);
      assert.ok(revision > before, `round ${round} gives revision ${revision} again`);
      const { key, value } = news;
      if (known === undefined) count++;
      else assert.deepEqual({ key, value }, known);
      promised.set(revision, { key, value });
      if (news.kind === "acknowledged") acknowledged++;
      return isEnough();
    });
    const failure = await loading;
    if (failure !== undefined) throw failure;
    count += face.acknowledged;
    const { revision, compacted } = await checkPromises(path, promised, face);
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
  face: FaceLoad,
): Promise<{ readonly revision: Revision; readonly compacted: Revision }> {
  const store = await openSqliteStore({ path }, { clock: systemClock, log: silentLogger });
  try {
    const newest = [...promised.keys()].reduce((a, b) => (a > b ? a : b), 1n);
    assert.ok(store.revision >= newest, `revision ${newest} was promised, the store is at ${store.revision}`);
    const first = store.compactRevision;
    const { logged, others, state } = await readLog(store, first);
    for (const [revision, promise] of promised) {
      if (revision < first) continue;
      assert.deepEqual(logged.get(revision), promise, `revision ${revision} was promised`);
    }
    for (let revision = first > 2n ? first : 2n; revision <= store.revision; revision++) {
      assert.ok(logged.has(revision) || others.has(revision), `the log has a hole at ${revision}`);
    }
    for (const [revision, keys] of others) checkTransaction(revision, keys);
    const now = (await store.list("/w/")).entries;
    assert.deepEqual(
      now.map((entry) => [entry.key, entry.modRevision, entry.version]),
      [...state.values()]
        .map((entry) => [entry.key, entry.modRevision, entry.version] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    await face.check(store.keyValues);
    await store.close();
    // Until then leases may have ended.
    return { revision: store.revision, compacted: first };
  } finally {
    await store.close();
  }
}

interface Read {
  /** What the writers wrote, one key a revision. */
  readonly logged: ReadonlyMap<Revision, Promised>;
  /** The keys of other revisions. */
  readonly others: ReadonlyMap<Revision, readonly string[]>;
  /** What is there of the writers' keys, by the events. */
  readonly state: ReadonlyMap<string, Entry>;
}

async function readLog(store: Store, first: Revision): Promise<Read> {
  const logged = new Map<Revision, Promised>();
  const others = new Map<Revision, string[]>();
  const state = new Map<string, Entry>();
  if (first > 0n) {
    for (const entry of (await store.list("/w/", { revision: first })).entries) state.set(entry.key, entry);
  }
  const { signal } = new AbortController();
  for await (const batch of store.watch("/", { startRevision: first, signal })) {
    for (const { type, key, revision, entry } of batch.events) {
      if (!key.startsWith("/w/")) {
        others.set(revision, [...(others.get(revision) ?? []), key]);
        continue;
      }
      logged.set(revision, { key, value: type === "put" ? entry.value.toString() : undefined });
      if (type === "put") state.set(key, entry);
      else state.delete(key);
    }
    if (batch.revision >= store.revision) break;
  }
  return { logged, others, state };
}

/** Each puts two keys, and puts or deletes a third. */
function checkTransaction(revision: Revision, keys: readonly string[]): void {
  const isTransaction = keys[0]?.startsWith("/t/") === true;
  assert.ok(!isTransaction || keys.length >= 2, `half of the transaction at revision ${revision}`);
}
