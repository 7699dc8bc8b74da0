/** When commits are sent, with a disk that answers when it is told to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SortedMap } from "#base/sorted-map.ts";
import type { Changes } from "./backend.ts";
import { CommitPipeline } from "./commit-pipeline.ts";
import type { KeyEvent } from "./kv.ts";
import { MvccLog } from "./log.ts";

interface Sent {
  readonly rows: number;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}

class Bench {
  readonly mvcc = new MvccLog(
    { revision: 1n, compactRevision: 0n, current: new SortedMap(), ringFirst: 1n },
    { eventsMax: 1000, bytesMax: 1 << 20 },
  );
  /** Those that are on their way to the disk, or were. */
  readonly sent: Sent[] = [];
  readonly outcomes: string[] = [];
  readonly pipeline = new CommitPipeline({
    mvcc: this.mvcc,
    log: silentLogger,
    clock: new ManualClock(),
    commit: ({ events, notes }: Changes) =>
      new Promise((done, fail) => {
        this.sent.push({ rows: events.length + notes.length, done, fail });
      }),
    committed: () => undefined,
    defer: setImmediate,
    acknowledgeMax: 1000,
  });

  write(prefix: string, count: number): void {
    for (let at = 0; at < count; at++) {
      const key = `${prefix}${at}`;
      const create = (): KeyEvent => this.mvcc.create(key, Buffer.from("x"));
      this.pipeline.submit(key, create).then(
        ({ revision }) => this.outcomes.push(`${key}@${revision}`),
        (error: unknown) => this.outcomes.push(`${key}: ${(error as Error).message}`),
      );
    }
  }

  get rows(): number[] {
    return this.sent.map(({ rows }) => rows);
  }
}

const turn = async (): Promise<void> => {
  for (let at = 0; at < 3; at++) await new Promise(setImmediate);
};

test("a few writes wait for the commit before them; many are sent behind it, but no third commit", async () => {
  const bench = new Bench();
  bench.write("a", 1);
  await turn();
  bench.write("b", 31);
  await turn();
  assert.deepEqual(bench.rows, [1]);
  bench.write("c", 1);
  await turn();
  assert.deepEqual(bench.rows, [1, 32]);
  bench.write("d", 100);
  await turn();
  assert.deepEqual(bench.rows, [1, 32]);
  bench.sent[0]?.done();
  await turn();
  assert.deepEqual(bench.outcomes, ["a0@2"]);
  assert.equal(bench.mvcc.revision, 2n);
  assert.deepEqual(bench.rows, [1, 32, 100]);
  bench.sent[1]?.done();
  bench.sent[2]?.done();
  await turn();
  assert.equal(bench.outcomes.length, 133);
  assert.equal(bench.mvcc.revision, 134n);
  await bench.pipeline.close();
});

test("a commit that fails fails the one behind it and all that wait; their revisions are given again", async () => {
  const bench = new Bench();
  bench.write("a", 1);
  await turn();
  bench.write("b", 32);
  await turn();
  bench.write("c", 1);
  bench.sent[0]?.fail(new Error("no space"));
  await turn();
  assert.equal(bench.outcomes.length, 34);
  assert.ok(bench.outcomes.every((text) => text.endsWith(": no space")));
  bench.write("d", 1);
  await turn();
  assert.deepEqual(bench.rows, [1, 32, 1]);
  // What is said of the second one, when it is refused at last, is no news.
  bench.sent[1]?.fail(new Error("refused"));
  bench.sent[2]?.done();
  await turn();
  assert.deepEqual(bench.outcomes.slice(34), ["d0@2"]);
  assert.equal(bench.pipeline.fault, undefined);
});

test("who only waits for those before it hears after both commits on the way", async () => {
  const bench = new Bench();
  bench.write("a", 1);
  await turn();
  bench.write("b", 32);
  await turn();
  const reading = bench.pipeline.submitAll(() => ({ result: bench.mvcc.uncommitted("b31")?.revision }));
  void reading.then((revision) => bench.outcomes.push(`read ${revision}`));
  bench.sent[0]?.done();
  await turn();
  assert.deepEqual(bench.outcomes, ["a0@2"]);
  bench.sent[1]?.done();
  await turn();
  assert.deepEqual(bench.outcomes.slice(-2), ["b31@34", "read 34"]);
});
