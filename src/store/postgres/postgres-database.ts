/** The Store's operations on PostgreSQL. Reads of several statements see one state. */
import { endOfTextPrefix } from "../key-range.ts";
import type { Follower, Following, RemoteDatabase } from "../remote/remote-database.ts";
import {
  CompactedError,
  type Entry,
  FutureRevisionError,
  type GetResult,
  type ListOptions,
  type ListResult,
  type Revision,
} from "../store.ts";
import { PostgresCompaction } from "./compaction.ts";
import type { PostgresDeps, PostgresOptions, Sql } from "./connection.ts";
import type { PostgresPool, Transaction } from "./pool.ts";
import { PostgresFeed } from "./feed.ts";
import { type EntryRow, entryOf, putOperation } from "./rows.ts";
import { PostgresWrites } from "./writes.ts";

export interface PostgresDatabaseDeps extends PostgresDeps {
  readonly pool: PostgresPool;
  readonly options: PostgresOptions;
}

interface State {
  readonly revision: Revision;
  readonly compacted: Revision;
}

export class PostgresDatabase implements RemoteDatabase {
  readonly #deps: PostgresDatabaseDeps;
  readonly #writes: PostgresWrites;
  readonly #feed: PostgresFeed;
  readonly #compaction: PostgresCompaction;

  constructor(deps: PostgresDatabaseDeps) {
    this.#deps = deps;
    this.#feed = new PostgresFeed(deps);
    this.#compaction = new PostgresCompaction(deps);
    this.#writes = new PostgresWrites({
      ...deps,
      committed: () => {
        this.#feed.wake();
      },
    });
  }

  /** Before anything is followed. */
  async start(): Promise<State> {
    await this.#feed.listen();
    this.#compaction.sweep();
    return this.#deps.pool.query(readState);
  }

  async latest(): Promise<Revision> {
    const { revision } = await this.#deps.pool.query(readState);
    return revision;
  }

  get(key: string, revision?: Revision): Promise<GetResult> {
    return this.#deps.pool.read(async (tx) => {
      const state = await checkedState(tx, revision);
      const name = Buffer.from(key);
      const rows =
        revision === undefined
          ? await tx<EntryRow[]>`
              select l.name, l.revision, l.created, l.version, l.value
              from mini_k8s_current c join mini_k8s_log l on l.revision = c.revision where c.name = ${name}`
          : await tx<EntryRow[]>`
              select name, revision, created, version, value from (
                select * from mini_k8s_log where name = ${name} and revision <= ${revision}
                order by revision desc limit 1
              ) newest where operation = ${putOperation}`;
      const [row] = rows;
      return { revision: state.revision, entry: row === undefined ? undefined : entryOf(row) };
    });
  }

  list(prefix: string, { startKey = prefix, limit, revision }: ListOptions): Promise<ListResult> {
    const range = { start: Buffer.from(startKey), end: endOfTextPrefix(prefix) ?? null };
    return this.#deps.pool.read(async (tx) => {
      const state = await checkedState(tx, revision);
      const rows = await (revision === undefined
        ? presentRows(tx, range, limit ?? null)
        : pastRows(tx, range, { revision, limit: limit ?? null }));
      const count =
        limit === undefined
          ? rows.length
          : await (revision === undefined ? countPresent(tx, range) : countPast(tx, range, revision));
      return {
        revision: state.revision,
        entries: rows.map(entryOf),
        count,
        more: count > rows.length,
      };
    });
  }

  count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }> {
    return this.#deps.pool.read(async (tx) => {
      const { revision } = await readState(tx);
      return {
        revision,
        count: await countPresent(tx, { start: Buffer.from(prefix), end: endOfTextPrefix(prefix) ?? null }),
      };
    });
  }

  async create(key: string, value: Buffer, author: string | undefined): Promise<Entry> {
    return (await this.#writes.submit({ kind: "create", key, value, author })).entry;
  }

  async update(key: string, value: Buffer, expected: Revision, author: string | undefined): Promise<Entry> {
    return (await this.#writes.submit({ kind: "update", key, value, expected, author })).entry;
  }

  async delete(
    key: string,
    expected: Revision | undefined,
    author: string | undefined,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }> {
    const { revision, entry } = await this.#writes.submit({ kind: "delete", key, expected, author });
    return { revision, previous: entry };
  }

  follow(from: Revision, follower: Follower): Following {
    return this.#feed.follow(from, follower);
  }

  compact(revision: Revision): Promise<void> {
    return this.#compaction.compact(revision);
  }

  async size(): Promise<number> {
    const [row] = await this.#deps.pool.query(
      (sql) => sql<{ size: bigint }[]>`
        select pg_total_relation_size('mini_k8s_log') + pg_total_relation_size('mini_k8s_current') as size`,
    );
    return Number(row?.size ?? 0n);
  }

  async close(): Promise<void> {
    await this.#compaction.close();
    this.#feed.close();
    await this.#deps.pool.close();
  }
}

interface KeyRange {
  readonly start: Buffer;
  /** Null: no end. */
  readonly end: Buffer | null;
}

async function readState(sql: Sql): Promise<State> {
  const [state] = await sql<State[]>`select revision, compacted from mini_k8s_state where id = 1`;
  if (state === undefined) throw new Error("the table mini_k8s_state has no row: the database is damaged");
  return state;
}

/** Throws when that revision can't be read, or not yet. */
async function checkedState(tx: Transaction, asked: Revision | undefined): Promise<State> {
  const state = await readState(tx);
  if (asked === undefined) return state;
  if (asked < state.compacted) throw new CompactedError(state.compacted);
  if (asked > state.revision) throw new FutureRevisionError(asked, state.revision);
  return state;
}

function presentRows(tx: Transaction, { start, end }: KeyRange, limit: number | null): Promise<EntryRow[]> {
  return tx<EntryRow[]>`
    select l.name, l.revision, l.created, l.version, l.value
    from mini_k8s_current c join mini_k8s_log l on l.revision = c.revision
    where c.name >= ${start} and (${end}::bytea is null or c.name < ${end})
    order by c.name limit ${limit}`;
}

function pastRows(
  tx: Transaction,
  { start, end }: KeyRange,
  { revision, limit }: { readonly revision: Revision; readonly limit: number | null },
): Promise<EntryRow[]> {
  return tx<EntryRow[]>`
    select name, revision, created, version, value from (
      select distinct on (name) name, revision, operation, created, version, value from mini_k8s_log
      where name >= ${start} and (${end}::bytea is null or name < ${end}) and revision <= ${revision}
      order by name, revision desc
    ) newest where operation = ${putOperation} order by name limit ${limit}`;
}

async function countPresent(tx: Transaction, { start, end }: KeyRange): Promise<number> {
  const [row] = await tx<{ count: bigint }[]>`
    select count(*) as count from mini_k8s_current
    where name >= ${start} and (${end}::bytea is null or name < ${end})`;
  return Number(row?.count ?? 0n);
}

async function countPast(tx: Transaction, { start, end }: KeyRange, revision: Revision): Promise<number> {
  const [row] = await tx<{ count: bigint }[]>`
    select count(*) as count from (
      select distinct on (name) operation from mini_k8s_log
      where name >= ${start} and (${end}::bytea is null or name < ${end}) and revision <= ${revision}
      order by name, revision desc
    ) newest where operation = ${putOperation}`;
  return Number(row?.count ?? 0n);
}
