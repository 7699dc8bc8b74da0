/** Connections that break at a commit: what was made is told as made, what wasn't is made, and nothing is twice. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { PostgresCompaction } from "#store/postgres/compaction.ts";
import { PostgresPool, type Transaction } from "#store/postgres/pool.ts";
import { ensureDatabase, setUp } from "#store/postgres/schema.ts";
import { PostgresWrites, type Written } from "#store/postgres/writes.ts";
import { KeyExistsError, StoreWriteError } from "#store/store.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };

/** What happens once, when a transaction is about to be committed, or when it has been. */
class BrokenPool extends PostgresPool {
  before: (() => Promise<void>) | undefined;
  after: (() => Promise<void>) | undefined;

  override async transaction<T>(
    run: (tx: Transaction) => Promise<T>,
    options: { readonly mode?: string; readonly ending?: (result: T) => void } = {},
  ): Promise<T> {
    const { ending } = options;
    if (ending === undefined) return super.transaction(run, options);
    const { before: isEnding, after: hasEnded } = this;
    this.before = this.after = undefined;
    let meanwhile: Promise<void> | undefined;
    const breaking = async (tx: Transaction): Promise<T> => {
      const result = await run(tx);
      ending(result);
      meanwhile = isEnding?.();
      await meanwhile;
      return result;
    };
    try {
      return await super.transaction(breaking, { ending });
    } finally {
      // The connection breaks at the beginning of what happens: the outcome isn't to be asked before its end.
      await meanwhile;
      await hasEnded?.();
    }
  }
}

/** As the pool rejects. */
const breakOff = (): Promise<void> =>
  Promise.reject(Object.assign(new Error("the connection broke"), { code: "CONNECTION_CLOSED" }));

let server: PostgresServer;
let databases = 0;
const stack = new AsyncDisposableStack();
before(async () => {
  server = await startPostgres();
});
after(async () => {
  await stack.disposeAsync();
  await server.remove();
});

const committed = (): void => undefined;

interface Servers {
  /** The one whose connections break. */
  readonly pool: BrokenPool;
  readonly writes: PostgresWrites;
  /** Another server. */
  readonly otherPool: PostgresPool;
  readonly others: PostgresWrites;
}

async function open(): Promise<Servers> {
  const options = { url: server.url(`outcome_${++databases}`), name: "postgres", tls: undefined };
  await ensureDatabase(options);
  const [pool, otherPool] = [new BrokenPool(options, deps), new PostgresPool(options, deps)];
  stack.defer(async () => {
    await Promise.all([pool.close(), otherPool.close()]);
  });
  await Promise.all([setUp(pool), setUp(otherPool)]);
  const writes = new PostgresWrites({ ...deps, pool, committed });
  const others = new PostgresWrites({ ...deps, pool: otherPool, committed });
  return { pool, writes, otherPool, others };
}

const create = (by: PostgresWrites, key: string): Promise<Written> =>
  by.submit({ kind: "create", key, value: Buffer.from(key), author: undefined });

const namesIn = async (pool: PostgresPool): Promise<string[]> => {
  const rows = await pool.query(
    (sql) => sql<{ name: Buffer }[]>`select name from mini_k8s_log order by revision`,
  );
  return rows.map(({ name }) => name.toString());
};

/** PostgreSQL crashes before anything of the transaction is on its disk: it gives its number once more. */
const crashed = async (): Promise<void> => {
  await server.crash();
  await server.start();
};

test("a write that was lost at a crash is made again, not taken for the one that stands at its revision", async () => {
  const { pool, writes, otherPool, others } = await open();
  const first = await create(others, "/first");
  pool.before = async () => {
    await crashed();
    await create(others, "/other");
  };
  assert.equal((await create(writes, "/ours")).revision, first.revision + 2n);
  assert.deepEqual(await namesIn(otherPool), ["/first", "/other", "/ours"]);
});

test("of two servers that write the same, one has made it, whatever number its transaction has", async () => {
  const { pool, writes, otherPool, others } = await open();
  await create(others, "/first");
  let theirs: Written | undefined;
  pool.before = async () => {
    await crashed();
    theirs = await create(others, "/same");
  };
  await assert.rejects(create(writes, "/same"), (error) => {
    assert.ok(error instanceof KeyExistsError);
    assert.equal(error.current.modRevision, theirs?.revision);
    return true;
  });
  assert.deepEqual(await namesIn(otherPool), ["/first", "/same"]);
});

test("what did arrive isn't made twice, and is known for as long as it isn't compacted", async () => {
  const { pool, writes, otherPool, others } = await open();
  pool.after = breakOff;
  const kept = await create(writes, "/kept");
  pool.after = async () => {
    await create(others, "/other");
    await breakOff();
  };
  const { revision, entry } = await writes.submit({
    kind: "delete",
    key: "/kept",
    expected: undefined,
    author: "me",
  });
  assert.deepEqual([entry.modRevision, revision], [kept.revision, kept.revision + 1n]);
  // A refusal has nothing to be found out.
  pool.after = breakOff;
  await assert.rejects(create(writes, "/other"), KeyExistsError);

  const compaction = new PostgresCompaction({ ...deps, pool: otherPool });
  pool.after = async () => {
    const { revision: newest } = await create(others, "/newest");
    await compaction.compact(newest);
    await breakOff();
  };
  await assert.rejects(create(writes, "/kept"), StoreWriteError);
  assert.equal((await create(writes, "/again")).revision, revision + 4n);
  await compaction.close();
});

test("a compaction whose answer is lost is done, not one too many", async () => {
  const { pool, writes } = await open();
  const { revision } = await create(writes, "/a");
  const compaction = new PostgresCompaction({ ...deps, pool });
  pool.after = breakOff;
  await compaction.compact(revision);
  await compaction.close();
});

test("tables of the versions before are brought up to date with what they hold", async () => {
  const { pool, writes, otherPool, others } = await open();
  await create(writes, "/a");
  for (const version of [2, 1]) {
    await otherPool.transaction(async (tx) => {
      await tx`drop table mini_k8s_writers`;
      if (version === 1) await tx`alter table mini_k8s_log drop column author`;
      await tx`update mini_k8s_state set schema_version = ${version}`;
    });
    await Promise.all([setUp(pool), setUp(otherPool)]);
    await others.submit({ kind: "create", key: `/${version}`, value: Buffer.from("x"), author: "me" });
  }
  assert.deepEqual(await namesIn(pool), ["/a", "/2", "/1"]);
  await otherPool.transaction((tx) => tx`update mini_k8s_state set schema_version = 4`);
  await assert.rejects(setUp(pool), /has version 4 of our tables, this program knows 3/);
});
