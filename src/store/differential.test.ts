/**
 * Random operations against both stores and a model that is too simple to be wrong: the answers must be equal, errors,
 * revisions and event streams included. A failure prints the seed and the shortest sequence of operations.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Arbitrary,
  array,
  assert as check,
  asyncProperty,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  record,
  string,
} from "fast-check";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "./memory.ts";
import { openSqliteStore } from "./sqlite/store.ts";
import type { Revision, Store } from "./store.ts";
import { shown, shownEvent } from "./testing/cases.ts";

const deps = { clock: systemClock, log: silentLogger };

type Operation =
  | { readonly kind: "create"; readonly key: string; readonly value: string }
  /** `stale`: how far the expected revision is off. */
  | { readonly kind: "update"; readonly key: string; readonly value: string; readonly stale: number }
  | { readonly kind: "delete"; readonly key: string; readonly stale: number | undefined }
  | { readonly kind: "get"; readonly key: string; readonly ago: number | undefined }
  | {
      readonly kind: "list";
      readonly prefix: string;
      readonly limit: number;
      readonly ago: number | undefined;
    }
  | { readonly kind: "watch"; readonly prefix: string; readonly ago: number }
  | { readonly kind: "compact"; readonly ago: number }
  | { readonly kind: "reopen" };

const key = constantFrom("/a", "/a/1", "/a/2", "/a/é", "/b", "/b/1", "/b/\u{1f600}", "/b/\uffee");
const prefix = constantFrom("", "/", "/a", "/a/", "/b/", "/none");
const value = string({ maxLength: 4 });
/** Mostly right, sometimes wrong. */
const stale = constantFrom(0, 0, 0, 0, 1, 3);
const ago = integer({ min: -1, max: 40 });

const anyOperation: Arbitrary<Operation> = oneof(
  { weight: 6, arbitrary: record({ kind: constant("create" as const), key, value }) },
  { weight: 6, arbitrary: record({ kind: constant("update" as const), key, value, stale }) },
  {
    weight: 4,
    arbitrary: record({
      kind: constant("delete" as const),
      key,
      stale: option(stale, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: record({ kind: constant("get" as const), key, ago: option(ago, { nil: undefined }) }),
  },
  {
    weight: 3,
    arbitrary: record({
      kind: constant("list" as const),
      prefix,
      limit: integer({ min: 1, max: 9 }),
      ago: option(ago, { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: record({ kind: constant("watch" as const), prefix, ago }) },
  { weight: 1, arbitrary: record({ kind: constant("compact" as const), ago }) },
  { weight: 1, arbitrary: constant({ kind: "reopen" as const }) },
);

/** What an operation answers, as text. */
type Subject = (operation: Operation) => Promise<unknown>;

function subjectOf(current: () => Store): Subject {
  return async (operation) => {
    try {
      return await perform(current(), operation);
    } catch (error) {
      assert.ok(error instanceof Error);
      assert.ok("code" in error, error);
      return error.code;
    }
  };
}

async function perform(store: Store, operation: Operation): Promise<unknown> {
  const at = (revisionsAgo: number): Revision => store.revision - BigInt(revisionsAgo);
  const expectedOf = async (name: string, off: number): Promise<Revision> =>
    ((await store.get(name)).entry?.modRevision ?? 0n) - BigInt(off);
  switch (operation.kind) {
    case "create":
      return shown(await store.create(operation.key, Buffer.from(operation.value)));
    case "update": {
      const expected = await expectedOf(operation.key, operation.stale);
      return shown(await store.update(operation.key, Buffer.from(operation.value), expected));
    }
    case "delete": {
      const { key: name, stale: off } = operation;
      const { revision, previous } = await store.delete(
        name,
        off === undefined ? undefined : await expectedOf(name, off),
      );
      return [revision, shown(previous)];
    }
    case "get": {
      const { revision, entry } = await store.get(
        operation.key,
        operation.ago === undefined ? undefined : at(operation.ago),
      );
      return [revision, shown(entry)];
    }
    case "list": {
      const { limit, ago: back } = operation;
      const revision = back === undefined ? undefined : at(back);
      const result = await store.list(operation.prefix, { limit, revision });
      return [result.revision, result.entries.map(shown), result.more, result.count];
    }
    case "watch": {
      const events: string[] = [];
      if (at(operation.ago) > store.revision) return events;
      const { signal } = new AbortController();
      for await (const batch of store.watch(operation.prefix, { startRevision: at(operation.ago), signal })) {
        events.push(...batch.events.map(shownEvent));
        if (batch.revision >= store.revision) break;
      }
      return events;
    }
    case "compact":
      await store.compact(at(operation.ago));
      return store.compactRevision;
    case "reopen":
      return undefined;
  }
}

interface ModelEvent {
  readonly revision: number;
  readonly key: string;
  /** What there is after it; undefined for a delete. */
  readonly after: string | undefined;
  readonly before: string | undefined;
}

/** The whole history as a list; every question is answered by going through it. */
class Model {
  readonly #events: ModelEvent[] = [];
  #compacted = 0;

  answer(operation: Operation): unknown {
    switch (operation.kind) {
      case "create":
      case "update":
        return this.#put(operation);
      case "delete":
        return this.#delete(operation.key, operation.stale ?? 0);
      case "get":
        return this.#ask(operation.ago, (revision) => [BigInt(this.#now), this.#at(operation.key, revision)]);
      case "list":
        return this.#ask(operation.ago, (revision) => {
          const all = this.#state(operation.prefix, revision);
          const page = all.slice(0, operation.limit);
          return [BigInt(this.#now), page, all.length > page.length, all.length];
        });
      case "watch":
        return this.#watch(operation.prefix, this.#now - operation.ago);
      case "compact":
        return this.#compact(this.#now - operation.ago);
      case "reopen":
        return undefined;
    }
  }

  #put(operation: Extract<Operation, { kind: "create" | "update" }>): string {
    const before = this.#at(operation.key);
    const revision = this.#now + 1;
    let counts = `${revision}/1`;
    if (operation.kind === "create") {
      if (before !== undefined) return "KEY_EXISTS";
    } else {
      if (before === undefined || operation.stale !== 0) return "REVISION_MISMATCH";
      const [, created, version] = /@\d+\/(\d+)\/(\d+)$/.exec(before) ?? [];
      counts = `${created}/${Number(version) + 1}`;
    }
    const after = `${operation.key}=${operation.value}@${revision}/${counts}`;
    this.#events.push({ revision, key: operation.key, after, before });
    return after;
  }

  #delete(name: string, off: number): unknown {
    const before = this.#at(name);
    if (before === undefined) return "KEY_NOT_FOUND";
    if (off !== 0) return "REVISION_MISMATCH";
    this.#events.push({ revision: this.#now + 1, key: name, after: undefined, before });
    return [BigInt(this.#now), before];
  }

  #watch(start: string, from: number): unknown {
    if (from < this.#compacted) return "COMPACTED";
    return this.#events
      .filter((event) => event.revision >= from && event.key.startsWith(start))
      .map(({ revision, after, before }) => {
        const type = after === undefined ? "delete" : "put";
        return `${revision} ${type} ${after ?? before} was ${before ?? "absent"}`;
      });
  }

  #compact(revision: number): unknown {
    if (revision > this.#now) return "FUTURE_REVISION";
    if (revision <= this.#compacted) return "COMPACTED";
    this.#compacted = revision;
    return BigInt(revision);
  }

  get #now(): number {
    return this.#events.at(-1)?.revision ?? 1;
  }

  #at(name: string, revision: number = this.#now): string | undefined {
    return this.#events.findLast((event) => event.key === name && event.revision <= revision)?.after;
  }

  #state(start: string, revision: number): string[] {
    const keys = [...new Set(this.#events.map((event) => event.key))]
      .filter((name) => name.startsWith(start))
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return keys.map((name) => this.#at(name, revision)).filter((text) => text !== undefined);
  }

  #ask(back: number | undefined, answer: (revision: number) => unknown): unknown {
    const revision = this.#now - (back ?? 0);
    if (revision > this.#now) return "FUTURE_REVISION";
    if (back !== undefined && revision < this.#compacted) return "COMPACTED";
    return answer(revision);
  }
}

test("memory, SQLite and the model give equal answers to random operations", async () => {
  const property = asyncProperty(
    array(anyOperation, { minLength: 60, maxLength: 150 }),
    async (operations) => {
      const folder = await mkdtemp(join(tmpdir(), "mini-k8s-store-"));
      const open = (): Promise<Store> =>
        openSqliteStore({ path: join(folder, "state.db"), ring: { eventsMax: 5, bytesMax: 1000 } }, deps);
      let onDisk = await open();
      const inMemory = openMemoryStore(deps);
      const model = new Model();
      const subjects = [subjectOf(() => inMemory), subjectOf(() => onDisk)];
      try {
        for (const [step, next] of operations.entries()) {
          if (next.kind === "reopen") {
            await onDisk.close();
            onDisk = await open();
          }
          const wanted = model.answer(next);
          for (const subject of subjects) {
            assert.deepEqual(await subject(next), wanted, `step ${step}: ${JSON.stringify(next)}`);
          }
          assert.equal(onDisk.revision, inMemory.revision);
          assert.equal(onDisk.compactRevision, inMemory.compactRevision);
        }
      } finally {
        await onDisk.close();
        await inMemory.close();
        await rm(folder, { recursive: true });
      }
    },
  );
  await check(property, { numRuns: 10 });
});
