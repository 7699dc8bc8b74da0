/**
 * Writes, many in a transaction: what queues during one makes the next. A transaction locks the one row that holds the
 * revision, so that all servers' writes come one after another, revisions have no gaps, and who sees a revision sees all
 * before it. Each also notes its newest revision under a name that only this process has. When the connection breaks at
 * a commit, that row tells whether it was made: neither a transaction's number would, which PostgreSQL gives again after
 * a crash, nor what stands at the revision, which another server may have written just the same.
 */
import { errorText } from "#base/log.ts";
import {
  type Entry,
  KeyExistsError,
  KeyNotFoundError,
  type Revision,
  RevisionMismatchError,
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
  readonly #writer: string;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(deps: PostgresWritesDeps) {
    this.#deps = deps;
    this.#writer = deps.random.uuid();
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
        const { outcomes } = await pool.transaction((tx) => transact(tx, writes, this.#writer), {
          ending: (result) => {
            ending = result;
          },
        });
        return outcomes;
      } catch (error) {
        if (ending === undefined || !isConnectionError(error)) throw error;
        const { revision, outcomes } = ending;
        if (revision === undefined || (await this.#wasCommitted(revision, error))) return outcomes;
        throw error;
      }
    });
  }

  /** Rejects with StoreWriteError when it can't be found out. */
  async #wasCommitted(revision: Revision, lost: unknown): Promise<boolean> {
    const { pool } = this.#deps;
    const reason = `${errorText(lost)}; the outcome is unknown`;
    const unknown = new StoreWriteError(pool.name, reason, { cause: lost });
    const asking = pool.retrying(() => pool.transaction((tx) => readNewest(tx, this.#writer)));
    const { newest, compacted } = await asking.catch(() => {
      throw unknown;
    });
    // Compaction may have taken our row.
    if (newest === undefined && revision <= compacted) throw unknown;
    return newest === revision;
  }
}

/** The newest revision that the writer has written, if that is still known. */
async function readNewest(
  tx: Transaction,
  writer: string,
): Promise<{ readonly newest: Revision | undefined; readonly compacted: Revision }> {
  // Waits until the transaction that is asked about has ended: it has this lock until then.
  const [state] = await tx<{ compacted: Revision }[]>`
    select compacted from mini_k8s_state where id = 1 for update`;
  const [row] = await tx<{ revision: Revision }[]>`
    select revision from mini_k8s_writers where writer = ${writer}`;
  return { newest: row?.revision, compacted: state?.compacted ?? 0n };
}

interface Transacted {
  /** The newest that was written. Undefined when all were refused. */
  readonly revision: Revision | undefined;
  readonly outcomes: readonly Outcome[];
}

/** Everything of one transaction between begin and commit. */
async function transact(tx: Transaction, writes: readonly Write[], writer: string): Promise<Transacted> {
  const keys = [...new Set(writes.map(({ key }) => key))];
  // The second begins after the first has its lock: it sees the newest commit.
  const [[state], ...found] = await Promise.all([
    tx<{ revision: Revision }[]>`select revision from mini_k8s_state where id = 1 for update`,
    ...sliced(keys).map((some) => readHeads(tx, some)),
  ]);
  if (state === undefined) throw new Error("the table mini_k8s_state has no row: the database is damaged");
  const heads = new Map(found.flat());
  const decided = decide(writes, heads, state.revision);
  const outcomes = decided.outcomes(await readValues(tx, decided.told));
  if (decided.rows.length === 0) return { revision: undefined, outcomes };
  await store(tx, decided, writer);
  return { revision: decided.revision, outcomes };
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

async function store(tx: Transaction, { rows, revision }: Decided, writer: string): Promise<void> {
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
    tx`
      insert into mini_k8s_writers values (${writer}, ${revision})
      on conflict (writer) do update set revision = excluded.revision`,
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
