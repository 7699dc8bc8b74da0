/** A connection that breaks at a commit, and a PostgreSQL that has given the transaction's number to another since. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { Sql } from "#store/postgres/connection.ts";
import { PostgresPool, type Transaction } from "#store/postgres/pool.ts";
import { ensureDatabase, setUp } from "#store/postgres/schema.ts";
import { PostgresWrites, type Written } from "#store/postgres/writes.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };

/**
 * A commit never arrives, and `meanwhile` happens; or it arrives, and its answer doesn't. Each transaction's number is
 * said to be committed.
 */
class BrokenPool extends PostgresPool {
  meanwhile: (() => Promise<unknown>) | undefined;
  losesAnswer = false;

  override async transaction<T>(
    run: (tx: Transaction) => Promise<T>,
    options: { readonly mode?: string; readonly ending?: (result: T) => void } = {},
  ): Promise<T> {
    const { meanwhile } = this;
    const broken = Object.assign(new Error("the connection broke"), { code: "CONNECTION_CLOSED" });
    if (meanwhile === undefined || options.ending === undefined) {
      const result = await super.transaction(run, options);
      if (!this.losesAnswer) return result;
      this.losesAnswer = false;
      throw broken;
    }
    this.meanwhile = undefined;
    await assert.rejects(
      super.transaction(async (tx) => {
        options.ending?.(await run(tx));
        throw new Error("rolled back");
      }),
      /rolled back/,
    );
    await meanwhile();
    throw broken;
  }

  override query<T>(run: (sql: Sql) => Promise<T>): Promise<T> {
    return super.query((sql) => run(sayingCommitted(sql)));
  }
}

/** As `sql`, but for one question. */
const sayingCommitted = (sql: Sql): Sql =>
  new Proxy(sql, {
    apply: (target, self, args: [TemplateStringsArray, ...unknown[]]): unknown =>
      args[0][0]?.includes("pg_xact_status") === true
        ? Promise.resolve([{ status: "committed" }])
        : Reflect.apply(target, self, args),
  });

const committed = (): void => undefined;
const create = (by: PostgresWrites, key: string): Promise<Written> =>
  by.submit({ kind: "create", key, value: Buffer.from(key), author: undefined });

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.remove());

test("a write whose transaction's number went to another is made again, not taken for the other's", async () => {
  const options = { url: server.url("outcome"), name: "postgres", tls: undefined };
  await ensureDatabase(options);
  const [pool, otherPool] = [new BrokenPool(options, deps), new PostgresPool(options, deps)];
  await Promise.all([setUp(pool), setUp(otherPool)]);
  const writes = new PostgresWrites({ ...deps, pool, committed });
  const others = new PostgresWrites({ ...deps, pool: otherPool, committed });

  const first = await create(others, "/first");
  pool.meanwhile = () => create(others, "/other");
  const ours = await create(writes, "/ours");
  assert.equal(ours.revision, first.revision + 2n);
  const rows = await otherPool.query(
    (sql) => sql<{ name: Buffer }[]>`select name from mini_k8s_log order by revision`,
  );
  assert.deepEqual(
    rows.map(({ name }) => name.toString()),
    ["/first", "/other", "/ours"],
  );

  // What did arrive isn't made twice.
  pool.losesAnswer = true;
  const kept = await create(writes, "/kept");
  assert.equal(kept.revision, ours.revision + 1n);
  pool.losesAnswer = true;
  const { entry } = await writes.submit({ kind: "delete", key: "/kept", expected: undefined, author: "me" });
  assert.equal(entry.modRevision, kept.revision);
  assert.equal((await create(writes, "/kept")).revision, kept.revision + 2n);
  await Promise.all([pool.close(), otherPool.close()]);
});
