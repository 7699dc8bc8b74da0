/** Ten connections to PostgreSQL: all are used at once, and whatever ends them, ten others can be, and no more. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Clock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { connect, type PostgresOptions, type Sql } from "#store/postgres/connection.ts";
import { connectionsMax, PostgresPool, type Transaction } from "#store/postgres/pool.ts";
import { ensureDatabase } from "#store/postgres/schema.ts";
import { StoreClosedError } from "#store/store.ts";
import { eventually } from "../wait.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const endMaxMs = 20_000;

let server: PostgresServer;
let proxy: TcpProxy;
let pool: PostgresPool;
const optionsAt = (port: number): PostgresOptions => ({
  url: server.url("pool", port),
  name: "postgres",
  tls: undefined,
});

before(async () => {
  server = await startPostgres();
  proxy = await TcpProxy.to(server.port);
  await ensureDatabase(optionsAt(server.port));
  pool = new PostgresPool(optionsAt(proxy.port), deps);
});
after(async () => {
  await pool.close();
  await proxy.close();
  await server.remove();
});

const sorted = (numbers: Iterable<number>): number[] => [...numbers].toSorted((a, b) => a - b);

async function processOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

/** PostgreSQL's processes that serve the pool, as another connection sees them. */
async function serving(): Promise<number[]> {
  const sql = connect({ ...optionsAt(server.port), url: server.url("postgres") });
  try {
    const rows = await sql<{ pid: number }[]>`select pid from pg_stat_activity where datname = 'pool'`;
    return sorted(rows.map(({ pid }) => pid));
  } finally {
    await sql.end();
  }
}

type Use = (run: (sql: Sql) => Promise<number>) => Promise<number>;

/** Each way to use a connection. */
const uses: readonly Use[] = [
  (run) => pool.query(run),
  (run) => pool.read(run),
  (run) => pool.retrying(() => pool.transaction(run)),
];

/**
 * As many as there are connections each hold one until all have one; more wait meanwhile. Returns the processes that
 * served them.
 */
async function allAtOnce(): Promise<number[]> {
  const together = Promise.withResolvers<void>();
  const held = new Set<number>();
  const hold = async (sql: Sql): Promise<number> => {
    const pid = await processOf(sql);
    held.add(pid);
    if (held.size === connectionsMax) together.resolve();
    await together.promise;
    return pid;
  };
  const served = await Promise.all(
    Array.from({ length: 3 * connectionsMax }, (_, at) => (uses[at % uses.length] as Use)(hold)),
  );
  assert.deepEqual(new Set(served), held);
  return sorted(held);
}

test("all connections are used at once, and are the same the next time", async () => {
  const first = await allAtOnce();
  assert.equal(first.length, connectionsMax);
  assert.deepEqual(await serving(), first);
  assert.deepEqual(await allAtOnce(), first);
  assert.deepEqual(await serving(), first);
});

test("a transaction that fails gives its connection back as it was", async () => {
  const processes = await allAtOnce();
  const failing = [
    (tx: Transaction) => tx`select 1 / 0`,
    (tx: Transaction) => Promise.all([tx`select 1`, tx`select nothing`, tx`select 2`]),
    () => Promise.reject(new Error("no")),
  ];
  const failed = await Promise.allSettled(
    Array.from({ length: 2 * connectionsMax }, (_, at) =>
      pool.transaction<unknown>(failing[at % failing.length] as (tx: Transaction) => Promise<unknown>),
    ),
  );
  assert.deepEqual(new Set(failed.map(({ status }) => status)), new Set(["rejected"]));
  assert.deepEqual(await allAtOnce(), processes);
  const [row] = await pool.query(
    (sql) => sql<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity where datname = 'pool' and state like 'idle in%'`,
  );
  assert.equal(row?.count, 0);
});

const faults: readonly [what: string, fault: (processes: readonly number[]) => Promise<unknown>][] = [
  [
    "the administrator ends them",
    async (processes) => {
      const sql = connect({ ...optionsAt(server.port), url: server.url("postgres") });
      for (const pid of processes) await sql`select pg_terminate_backend(${pid})`;
      await sql.end();
    },
  ],
  [
    "PostgreSQL crashes",
    async () => {
      await server.crash();
      await server.start();
    },
  ],
  [
    "one of PostgreSQL's processes is killed, and the others end with it",
    ([pid = 0]) => Promise.resolve(process.kill(pid, "SIGKILL")),
  ],
  [
    "the network breaks",
    () => {
      proxy.cut();
      return Promise.resolve();
    },
  ],
];
for (const [what, fault] of faults) {
  test(`${what}: whatever a connection was doing, another is in its place`, async () => {
    const processes = await allAtOnce();
    const underWay = Promise.withResolvers<void>();
    let started = 0;
    // A third are idle, a third in the middle of a statement, a third between two.
    const waiting = Promise.allSettled(
      Array.from({ length: connectionsMax - 3 }, (_, at) =>
        pool.transaction(async (tx) => {
          await processOf(tx);
          if (++started === connectionsMax - 3) underWay.resolve();
          await underWay.promise;
          await (at % 2 === 0 ? tx`select pg_sleep(600)` : new Promise(() => undefined));
        }),
      ),
    );
    await underWay.promise;
    await fault(processes);
    for (const { status } of await waiting) assert.equal(status, "rejected");
    // One that was idle may not know yet that it has broken.
    const others = await eventually("all have others in their place", endMaxMs, async () => {
      const some = await allAtOnce();
      return some.every((pid) => !processes.includes(pid)) && some;
    });
    assert.equal(others.length, connectionsMax);
    await eventually("only those are left", endMaxMs, async () => {
      assert.deepEqual(await serving(), others);
      return true;
    });
  });
}

test("a network that is silent isn't waited for: other connections take the place of those that it has", async () => {
  const hasty: Clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    after: (ms, run) => systemClock.after(ms / 100, run),
  };
  const cutOff = new PostgresPool(optionsAt(proxy.port), { ...deps, clock: hasty });
  const [first] = await Promise.all([
    cutOff.query(processOf),
    cutOff.read(processOf),
    cutOff.read(processOf),
  ]);
  proxy.silence();
  const others = await Promise.all([cutOff.query(processOf), cutOff.read(processOf)]);
  assert.ok(!others.includes(first));
  await cutOff.close();
  proxy.cut();
});

test("closed, it leaves none, whatever they were doing", async () => {
  const closing = new PostgresPool(optionsAt(proxy.port), deps);
  await pool.close();
  const started = Promise.withResolvers<void>();
  const reading = Promise.allSettled(
    Array.from({ length: 2 * connectionsMax }, () =>
      closing.read(async (tx) => {
        started.resolve();
        await tx`select pg_sleep(600)`;
      }),
    ),
  );
  await started.promise;
  await closing.close();
  for (const each of await reading) {
    assert.ok(each.status === "rejected" && each.reason instanceof StoreClosedError);
  }
  await assert.rejects(
    closing.query((sql) => sql`select 1`),
    StoreClosedError,
  );
  proxy.cut();
  await eventually("all have ended", endMaxMs, async () => (await serving()).length === 0);
});
