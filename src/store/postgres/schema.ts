/**
 * Tables: the log of all writes, the current row of each key, where things stand, and the newest revision that each
 * server has written. Rows of the log are as SQLite's: a delete has no value, what was there is at `previous`.
 */
import { errorCode } from "#base/files.ts";
import { connect, isMissingDatabase, type PostgresOptions } from "./connection.ts";
import type { PostgresPool, Transaction } from "./pool.ts";

const schemaVersion = 3;
/** Servers that start at the same time create the tables one after the other. */
const setupLock = 0x6d_6b_38_73;

/** The channel that tells of commits. */
export const channel = "mini_k8s";

export async function setUp(pool: PostgresPool): Promise<void> {
  const [settings] = await pool.query(
    (sql) => sql<{ commit: string; fsync: string }[]>`
      select current_setting('synchronous_commit') as commit, current_setting('fsync') as fsync`,
  );
  if (settings?.commit === "off" || settings?.fsync === "off") {
    throw new Error(
      "PostgreSQL acknowledges commits before they are on disk: synchronous_commit is " +
        `${settings.commit} and fsync is ${settings.fsync}, both must be on`,
    );
  }
  await pool.retrying(() => pool.transaction(createTables));
}

/** Leaves what is there already. */
async function createTables(tx: Transaction): Promise<void> {
  await tx`select pg_advisory_xact_lock(${setupLock})`;
  await tx`
    create table if not exists mini_k8s_state (
      id smallint primary key check (id = 1),
      schema_version integer not null,
      revision bigint not null,
      compacted bigint not null
    )`;
  const [state] = await tx<{ schema_version: number }[]>`select schema_version from mini_k8s_state`;
  if (state !== undefined) {
    await upgrade(tx, state.schema_version);
    return;
  }
  await tx`
    create table mini_k8s_log (
      revision bigint primary key,
      name bytea not null,
      operation smallint not null,
      previous bigint not null,
      created bigint not null,
      version bigint not null,
      value bytea,
      author text
    )`;
  await tx`create index mini_k8s_log_name on mini_k8s_log (name, revision desc)`;
  await tx`create table mini_k8s_current (name bytea primary key, revision bigint not null)`;
  await tx`create table mini_k8s_sweep (id smallint primary key check (id = 1), swept bigint not null)`;
  await tx`insert into mini_k8s_sweep values (1, 0)`;
  await createWriters(tx);
  await tx`insert into mini_k8s_state values (1, ${schemaVersion}, 1, 0)`;
}

/** Servers that know the version before go on with the tables meanwhile. */
async function upgrade(tx: Transaction, from: number): Promise<void> {
  if (from === schemaVersion) return;
  if (from < 1 || from > schemaVersion) {
    throw new Error(`the database has version ${from} of our tables, this program knows ${schemaVersion}`);
  }
  if (from < 2) await tx`alter table mini_k8s_log add column author text`;
  await createWriters(tx);
  await tx`update mini_k8s_state set schema_version = ${schemaVersion}`;
}

async function createWriters(tx: Transaction): Promise<void> {
  await tx`create table mini_k8s_writers (writer uuid primary key, revision bigint not null)`;
}

/** Creates the database that the URL names, when it isn't there and the user may. */
export async function ensureDatabase(options: PostgresOptions): Promise<void> {
  const sql = connect(options);
  try {
    await sql`select 1`;
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
    const name = sql.options.database;
    const server = connect(options, { database: "postgres" });
    try {
      await server.unsafe(`create database "${name.replaceAll('"', '""')}"`);
    } catch (failure) {
      // Another server was faster.
      if (errorCode(failure) !== "42P04" && errorCode(failure) !== "23505") throw failure;
    } finally {
      await server.end({ timeout: 1 });
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
