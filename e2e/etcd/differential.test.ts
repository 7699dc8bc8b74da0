/**
 * Random operations against a real etcd and ours: answers, errors, revisions, event streams and hashes of the whole
 * history must be equal. A failure prints the seed and the shortest sequence of operations that two minutes found.
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
  bigInt,
  boolean,
  constant,
  constantFrom,
  integer,
  interruptAfterTimeLimit,
  oneof,
  option,
  record,
} from "fast-check";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { type EtcdServer, serveEtcd } from "#store/etcd/server/server.ts";
import type { KeyRange } from "#store/key-range.ts";
import type { Compare, DeleteRequest, Operation, PutRequest, RangeQuery } from "#store/kv.ts";
import type { MvccStore } from "#store/mvcc-store.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import { EtcdKeyValues } from "#store/testing/etcd-key-values.ts";
import { startEtcd } from "../datastore/etcd.ts";

const key = constantFrom("a", "b", "ba", "b\0", "c", "c\xff", "\xff", "d");
const value = constantFrom("", "0", "1", "10", "\0\xff").map((text) => Buffer.from(text, "latin1"));
const lease = constantFrom(0n, 0n, 0n, 1n, 2n);
const range: Arbitrary<KeyRange> = oneof(
  key.map((start) => ({ start, end: `${start}\0` })),
  record({ start: key, end: option(key, { nil: undefined }) }),
);
/** Back from the present; the same in both, as their revisions are. */
const ago = option(integer({ min: -1, max: 30 }), { nil: undefined });

interface RangeAgo {
  readonly query: RangeQuery;
  readonly ago: number | undefined;
}

const query: Arbitrary<RangeQuery> = record(
  {
    range,
    limit: integer({ min: 1, max: 4 }),
    sort: record({
      target: constantFrom("key", "version", "create", "mod", "value"),
      order: constantFrom("none", "ascend", "descend"),
    }),
    keysOnly: boolean(),
    countOnly: boolean(),
    modRevisionMin: bigInt({ min: 1n, max: 40n }),
    createRevisionMax: bigInt({ min: 1n, max: 40n }),
  },
  { requiredKeys: ["range"] },
);
const put: Arbitrary<PutRequest> = record({
  key,
  value,
  lease,
  wantsPrevious: boolean(),
  keepsValue: constantFrom(false, false, false, true),
}).chain((request) =>
  record({ keepsLease: request.lease === 0n ? constantFrom(false, false, true) : constant(false) }).map(
    ({ keepsLease }) => ({ ...request, keepsLease }),
  ),
);
const deletion: Arbitrary<DeleteRequest> = record({ range, wantsPrevious: boolean() });
const compare: Arbitrary<Compare> = record({
  range,
  relation: constantFrom("equal", "notEqual", "greater", "less"),
  target: oneof(
    record({
      of: constantFrom("version", "create", "mod", "lease"),
      number: bigInt({ min: 0n, max: 20n }),
    }),
    record({ of: constant("value" as const), bytes: value }),
  ),
});

function operation(depth: number): Arbitrary<Operation> {
  const plain = [
    record({ kind: constant("range" as const), query }),
    record({ kind: constant("put" as const), put }),
    record({ kind: constant("delete" as const), deletion }),
  ] as const;
  if (depth === 0) return oneof(...plain);
  return oneof(
    ...plain,
    record({ kind: constant("transaction" as const), transaction: transaction(depth - 1) }),
  );
}

function transaction(depth: number): Arbitrary<Extract<Operation, { kind: "transaction" }>["transaction"]> {
  const some = array(operation(depth), { maxLength: 4 });
  return record({ compare: array(compare, { maxLength: 2 }), success: some, failure: some });
}

type Step =
  | { readonly kind: "range"; readonly at: RangeAgo }
  | { readonly kind: "put"; readonly put: PutRequest }
  | { readonly kind: "delete"; readonly deletion: DeleteRequest }
  | {
      readonly kind: "transaction";
      readonly transaction: Extract<Operation, { kind: "transaction" }>["transaction"];
    }
  | { readonly kind: "compact"; readonly ago: number }
  | { readonly kind: "grant" | "revoke" | "lease"; readonly id: bigint }
  | { readonly kind: "watch"; readonly range: KeyRange; readonly ago: number }
  | { readonly kind: "hash"; readonly ago: number };

const leaseId = constantFrom(1n, 2n);
const step: Arbitrary<Step> = oneof(
  { weight: 5, arbitrary: record({ kind: constant("range" as const), at: record({ query, ago }) }) },
  { weight: 8, arbitrary: record({ kind: constant("put" as const), put }) },
  { weight: 3, arbitrary: record({ kind: constant("delete" as const), deletion }) },
  { weight: 8, arbitrary: record({ kind: constant("transaction" as const), transaction: transaction(1) }) },
  {
    weight: 1,
    arbitrary: record({ kind: constant("compact" as const), ago: integer({ min: -1, max: 20 }) }),
  },
  { weight: 3, arbitrary: record({ kind: constantFrom("grant", "revoke", "lease"), id: leaseId }) },
  {
    weight: 2,
    arbitrary: record({ kind: constant("watch" as const), range, ago: integer({ min: 0, max: 20 }) }),
  },
  {
    weight: 1,
    arbitrary: record({ kind: constant("hash" as const), ago: integer({ min: 0, max: 10 }) }),
  },
);

/** What a step answers, as plain data: revisions counted from where the run began. */
async function perform(store: EtcdKeyValues, next: Step): Promise<unknown> {
  const at = (revisionsAgo: number): bigint => store.revision - BigInt(revisionsAgo);
  switch (next.kind) {
    case "range": {
      const { query: asked, ago: back } = next.at;
      return store.range(back === undefined ? asked : { ...asked, revision: at(back) });
    }
    case "put":
      return store.put(next.put);
    case "delete":
      return store.delete(next.deletion);
    case "transaction":
      return store.transact(next.transaction);
    case "compact": {
      // Revision 0 can be compacted in etcd, once; there is nothing at it.
      const revision = at(next.ago);
      // While etcd still deletes, its hash of a revision where no key was counts what is about to go.
      await store.compact(revision > 0n ? revision : 1n, { waitsForSpace: true });
      return store.compactRevision;
    }
    case "grant":
      await store.grantLease(next.id, 1000n);
      return next.id;
    case "revoke":
      return store.revokeLease(next.id);
    case "lease": {
      const found = await store.lease(next.id);
      return [found?.grantedSeconds, found?.keys.toSorted()];
    }
    case "watch":
      return watched(store, next.range, at(next.ago));
    case "hash":
      return store.hashKv(at(next.ago));
  }
}

/** Every event from `from` on: a write at the end shows that none is missing. */
async function watched(store: EtcdKeyValues, within: KeyRange, from: bigint): Promise<unknown> {
  const { revision } = await store.put({ key: within.start, value: Buffer.from("end") });
  const isEmpty = within.end !== undefined && within.end <= within.start;
  if (isEmpty) return "empty";
  const events: unknown[] = [];
  const { signal } = new AbortController();
  const startRevision = from < 1n ? 1n : from;
  for await (const batch of store.watch(within, { startRevision, signal })) {
    events.push(...batch.events);
    if (batch.revision >= revision) break;
  }
  return events;
}

async function answerOf(store: EtcdKeyValues, next: Step): Promise<unknown> {
  try {
    return await perform(store, next);
  } catch (error) {
    assert.ok(error instanceof Error);
    return "details" in error ? `${error.name}: ${String(error.details)}` : error.name;
  }
}

test("a real etcd and ours give equal answers to random operations", async () => {
  const property = asyncProperty(array(step, { minLength: 30, maxLength: 80 }), async (steps) => {
    const etcd = await startEtcd();
    const ours = await startOurs();
    const clients = [new EtcdKeyValues(etcd.address), new EtcdKeyValues(ours.address)] as const;
    try {
      for (const client of clients) await client.range({ range: { start: "a", end: "b" } });
      for (const [index, next] of steps.entries()) {
        const wanted = await answerOf(clients[0], next);
        // etcd 3.4 crashes on a put that keeps what the same transaction has deleted; ours refuses that.
        if (wanted === "Error: Connection dropped") return;
        assert.deepEqual(await answerOf(clients[1], next), wanted, `step ${index}: ${shown(next)}`);
        assert.equal(clients[1].revision, clients[0].revision);
      }
    } finally {
      for (const client of clients) client.close();
      await ours.stop();
      await etcd.remove();
    }
  });
  await check(property, { numRuns: 15, plugins: [interruptAfterTimeLimit(120_000)] });
});

function shown(next: Step): string {
  return JSON.stringify(next, (_name, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}

interface Ours {
  readonly address: string;
  readonly stop: () => Promise<void>;
}

async function startOurs(): Promise<Ours> {
  const folder = await mkdtemp(join(tmpdir(), "mini-k8s-etcd-"));
  const clock = systemClock;
  const store: MvccStore = await openSqliteStore(
    { path: join(folder, "state.db"), ring: { eventsMax: 5, bytesMax: 1000 } },
    { clock, log: silentLogger },
  );
  const server: EtcdServer = await serveEtcd(
    {
      listenUrls: ["http://127.0.0.1:0"],
      tls: undefined,
      name: "ours",
      clusterSeed: "e2e",
      quotaBytes: undefined,
      spoolFolder: folder,
    },
    { store: store.keyValues, clock, random: systemRandom, log: silentLogger },
  );
  return {
    address: new URL(server.urls[0] ?? "").host,
    stop: async () => {
      await server.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
