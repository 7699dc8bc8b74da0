/**
 * Writes, many in a transaction: what queues during one makes the next. A transaction locks the one row that holds the
 * revision, so that all servers' writes come one after another, revisions have no gaps, and who sees a revision sees all
 * before it. Whether a transaction was committed is asked of PostgreSQL when the connection breaks in that moment. Its
 * number alone doesn't tell: after a crash PostgreSQL gives numbers again that hadn't reached the disk.
 */
import { isDeepStrictEqual } from "node:util";
import { errorCode } from "#base/files.ts";
import { errorText } from "#base/log.ts";
import {
  type Entry,
  KeyExistsError,
  KeyNotFoundError,
  type Revision,
  RevisionMismatchError,
  StoreUnreachableError,
  StoreWriteError,
} from "../store.ts";
import { isConnectionError, type PostgresDeps, refusalOf } from "./connection.ts";
import type { PostgresPool, Transaction } from "./pool.ts";
import { deleteOperation, type EntryRow, entryOf, putOperation } from "./rows.ts";
import { channel } from "./schema.ts";

/** One transaction of this many keeps other servers waiting for some tens of milliseconds. */
const batchWritesMax = 512;
const batchBytesMax = 4 * 2 ** 20;
/** Statements are prepared by their number of rows: few different ones. */
const rowCounts = [256, 64, 16, 4, 1];
/** How long a transaction whose end is unknown may be in progress: until PostgreSQL notices that we are gone. */
const resolvePauseMs = 200;
const resolveTriesMax = 50;
const invalidParameterCode = "22023";

export type Write = { readonly key: string; readonly author: string | undefined } & (
  | { readonly kind: "create"; readonly value: Buffer }
  | { readonly kind: "update"; readonly value: Buffer; readonly expected: Revision }
  | { readonly kind: "delete"; readonly expected: Revision | undefined }
);

export interface Written {
  readonly revision: Revision;
  /** What was written, or deleted. */
  readonly entry: Entry;
}

interface Waiting {
  readonly write: Write;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

/** A key during the transaction; `value` is read only for those who are told. */
type Head = Omit<EntryRow, "name" | "value"> & { readonly value?: Buffer | undefined };

interface LogRow extends EntryRow {
  readonly operation: number;
  readonly previous: Revision;
  readonly author: string | null;
}

type Outcome = { readonly written: Written } | { readonly refused: Error };

export interface PostgresWritesDeps extends PostgresDeps {
  readonly pool: PostgresPool;
  /** After a commit of ours: nobody need wait for the notification. */
  readonly committed: () => void;
}

export class PostgresWrites {
  readonly #deps: PostgresWritesDeps;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(deps: PostgresWritesDeps) {
    this.#deps = deps;
  }

  submit(write: Write): Promise<Written> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // What this turn of the event loop writes goes together.
      queueMicrotask(() => {
        void this.#run();
      });
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        const outcomes = await this.#commit(batch.map(({ write }) => write));
        this.#deps.committed();
        batch.forEach(({ resolve, reject }, at) => {
          const outcome = outcomes[at];
          if (outcome === undefined) reject(new Error("a write has no outcome"));
          else if ("written" in outcome) resolve(outcome.written);
          else reject(outcome.refused);
        });
      } catch (error) {
        for (const { reject } of batch) reject(refusalOf(this.#deps.pool.name, error));
      }
    }
    this.#isRunning = false;
  }

  #take(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { write } of this.#waiting) {
      bytes += valueOf(write)?.length ?? 0;
      if (count > 0 && (count >= batchWritesMax || bytes > batchBytesMax)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Repeated as long as it is certain that nothing was written. */
  #commit(writes: readonly Write[]): Promise<readonly Outcome[]> {
    const { pool } = this.#deps;
    return pool.retrying(async () => {
      /** Set once COMMIT may be on its way. */
      let ending: Transacted | undefined;
      try {
        const { outcomes } = await pool.transaction((tx) => transact(tx, writes), {
          ending: (result) => {
            ending = result;
          },
        });
        return outcomes;
      } catch (error) {
        if (ending === undefined || !isConnectionError(error)) throw error;
        if (await this.#wasCommitted(ending, error)) return ending.outcomes;
        throw error;
      }
    });
  }

  async #wasCommitted({ xid, rows }: Transacted, lost: unknown): Promise<boolean> {
    const { pool, clock } = this.#deps;
    const reason = `${errorText(lost)}; the outcome is unknown`;
    const unknown = new StoreWriteError(pool.name, reason, { cause: lost });
    try {
      for (let tries = 0; tries < resolveTriesMax; tries++) {
        const status = await this.#statusOf(xid);
        if (status === "aborted") return false;
        if (status === "committed") {
          const found = await this.#find(rows);
          if (found === "compacted") throw unknown;
          return found === "there";
        }
        if (status !== "in progress") throw unknown;
        await new Promise<void>((resolve) => {
          clock.after(resolvePauseMs, resolve);
        });
      }
    } catch (error) {
      throw error instanceof StoreUnreachableError ? unknown : error;
    }
    throw unknown;
  }

  /** Null: so long ago that PostgreSQL no longer knows. */
  async #statusOf(xid: string): Promise<string | null | undefined> {
    try {
      const [row] = await this.#deps.pool.query(
        (sql) => sql<{ status: string | null }[]>`select pg_xact_status(${xid}::text::xid8) as status`,
      );
      return row?.status;
    } catch (error) {
      // A number still to be given: a crash took ours back, and what was written under it.
      if (errorCode(error) === invalidParameterCode) return "aborted";
      throw error;
    }
  }

  /** Whether what stands at the revisions of these rows is them: what another transaction of that number wrote isn't. */
  async #find(rows: readonly LogRow[]): Promise<"there" | "missing" | "compacted"> {
    const [first, last] = [rows[0]?.revision, rows.at(-1)?.revision];
    if (first === undefined || last === undefined) return "there";
    const found = await this.#deps.pool.query(
      (sql) => sql<(Omit<LogRow, "revision"> & { revision: Revision | null; compacted: Revision })[]>`
        select s.compacted, l.revision, l.name, l.operation, l.previous, l.created, l.version, l.value, l.author
        from mini_k8s_state s left join mini_k8s_log l on l.revision between ${first} and ${last}
        order by l.revision`,
    );
    if ((found[0]?.compacted ?? 0n) >= first) return "compacted";
    const isSame = rows.every((row, at) => {
      const other = found[at];
      return other !== undefined && isDeepStrictEqual(row, pick(other, row));
    });
    return isSame && found.length === rows.length ? "there" : "missing";
  }
}

/** The columns of `other` that `row` has. */
function pick(other: Readonly<Record<string, unknown>>, row: LogRow): Record<string, unknown> {
  return Object.fromEntries(Object.keys(row).map((name) => [name, other[name]]));
}

interface Transacted {
  readonly xid: string;
  /** What was written. */
  readonly rows: readonly LogRow[];
  readonly outcomes: readonly Outcome[];
}

/** Everything of one transaction between begin and commit. */
async function transact(tx: Transaction, writes: readonly Write[]): Promise<Transacted> {
  const keys = [...new Set(writes.map(({ key }) => key))];
  // The second begins after the first has its lock: it sees the newest commit.
  const [[state], ...found] = await Promise.all([
    tx<{ revision: Revision; xid: string }[]>`
      select revision, pg_current_xact_id()::text as xid from mini_k8s_state where id = 1 for update`,
    ...sliced(keys).map((some) => readHeads(tx, some)),
  ]);
  if (state === undefined) throw new Error("the table mini_k8s_state has no row: the database is damaged");
  const heads = new Map(found.flat());
  const decided = decide(writes, heads, state.revision);
  const values = await readValues(tx, decided.told);
  if (decided.rows.length > 0) await store(tx, decided.rows, decided.revision);
  return { xid: state.xid, rows: decided.rows, outcomes: decided.outcomes(values) };
}

async function readHeads(tx: Transaction, keys: readonly string[]): Promise<[string, Head][]> {
  const rows = await tx<Omit<EntryRow, "value">[]>`
    select l.name, l.revision, l.created, l.version
    from mini_k8s_current c join mini_k8s_log l on l.revision = c.revision
    where c.name in ${tx(keys.map((key) => Buffer.from(key)))}`;
  return rows.map(({ name, ...head }) => [name.toString("utf8"), head]);
}

async function readValues(tx: Transaction, revisions: readonly Revision[]): Promise<Map<Revision, Buffer>> {
  const wanted = [...new Set(revisions)];
  if (wanted.length === 0) return new Map();
  const found = await Promise.all(
    sliced(wanted).map(
      (some) => tx<{ revision: Revision; value: Buffer | null }[]>`
        select revision, value from mini_k8s_log where revision in ${tx(some)}`,
    ),
  );
  return new Map(found.flat().map(({ revision, value }) => [revision, value ?? Buffer.alloc(0)]));
}

interface Decided {
  readonly revision: Revision;
  readonly rows: readonly LogRow[];
  /** Revisions whose values the writers are told: of what was in their way, or was deleted. */
  readonly told: readonly Revision[];
  readonly outcomes: (values: ReadonlyMap<Revision, Buffer>) => readonly Outcome[];
}

/** Who gets which revision, and who is refused. Pure but for `heads`, which follows. */
function decide(writes: readonly Write[], heads: Map<string, Head>, from: Revision): Decided {
  let revision = from;
  const rows: LogRow[] = [];
  const told: Revision[] = [];
  const made: ((values: ReadonlyMap<Revision, Buffer>) => Outcome)[] = [];
  for (const write of writes) {
    const { key } = write;
    const value = valueOf(write);
    const head = heads.get(key);
    if (!isFitting(write, head)) {
      if (head !== undefined && head.value === undefined) told.push(head.revision);
      made.push((values) => ({ refused: refusal(write, entryAt(key, head, values)) }));
      continue;
    }
    revision += 1n;
    const next = successor(head, revision, value);
    const row: LogRow = {
      ...next,
      name: Buffer.from(key),
      operation: value === undefined ? deleteOperation : putOperation,
      previous: head?.revision ?? 0n,
      value: value ?? null,
      author: write.author ?? null,
    };
    rows.push(row);
    const at = revision;
    if (value === undefined) {
      if (head?.value === undefined) told.push(row.previous);
      heads.delete(key);
      made.push((values) => ({
        written: { revision: at, entry: entryAt(key, head, values) ?? entryOf(row) },
      }));
    } else {
      heads.set(key, next);
      made.push(() => ({ written: { revision: at, entry: entryOf(row) } }));
    }
  }
  return { revision, rows, told, outcomes: (values) => made.map((make) => make(values)) };
}

const successor = (head: Head | undefined, revision: Revision, value: Buffer | undefined): Head => ({
  revision,
  created: head?.created ?? revision,
  version: (head?.version ?? 0n) + 1n,
  value,
});

const valueOf = (write: Write): Buffer | undefined => (write.kind === "delete" ? undefined : write.value);

function isFitting(write: Write, head: Head | undefined): boolean {
  if (write.kind === "create") return head === undefined;
  if (head === undefined) return false;
  return write.expected === undefined || head.revision === write.expected;
}

function refusal(write: Write, current: Entry | undefined): Error {
  const { kind, key } = write;
  if (kind === "create" && current !== undefined) return new KeyExistsError(current);
  if (kind === "delete" && current === undefined) return new KeyNotFoundError(key);
  const expected = kind === "create" ? 0n : (write.expected ?? 0n);
  return new RevisionMismatchError(key, expected, current);
}

function entryAt(
  key: string,
  head: Head | undefined,
  values: ReadonlyMap<Revision, Buffer>,
): Entry | undefined {
  if (head === undefined) return undefined;
  return entryOf({ ...head, name: Buffer.from(key), value: head.value ?? values.get(head.revision) ?? null });
}

async function store(tx: Transaction, rows: readonly LogRow[], revision: Revision): Promise<void> {
  const last = new Map(rows.map((row) => [row.name.toString("utf8"), row]));
  const present = [...last.values()].filter(({ operation }) => operation === putOperation);
  const gone = [...last.values()].filter(({ operation }) => operation === deleteOperation);
  await Promise.all([
    ...sliced(rows).map(
      (some) =>
        tx`insert into mini_k8s_log ${tx(
          some,
          "revision",
          "name",
          "operation",
          "previous",
          "created",
          "version",
          "value",
          "author",
        )}`,
    ),
    ...sliced(present).map(
      (some) => tx`
        insert into mini_k8s_current ${tx(some, "name", "revision")}
        on conflict (name) do update set revision = excluded.revision`,
    ),
    ...sliced(gone).map(
      (some) => tx`delete from mini_k8s_current where name in ${tx(some.map(({ name }) => name))}`,
    ),
    tx`update mini_k8s_state set revision = ${revision} where id = 1`,
    tx`select pg_notify(${channel}, '')`,
  ]);
}

/** In pieces of the sizes that statements are prepared for. */
function sliced<T>(all: readonly T[]): T[][] {
  const slices: T[][] = [];
  for (let at = 0; at < all.length;) {
    const size = rowCounts.find((count) => count <= all.length - at) ?? 1;
    slices.push(all.slice(at, at + size));
    at += size;
  }
  return slices;
}
