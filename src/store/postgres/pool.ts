/**
 * Connections, each used by one at a time, each given up when it breaks. The library has a pool, but its transactions
 * write to a socket that is gone, which ends the process. So transactions are made by hand here, and nothing is asked
 * of a connection that has broken.
 */
import { StoreClosedError } from "../store.ts";
import {
  connect,
  isConnectionError,
  type PostgresDeps,
  type PostgresOptions,
  retrying,
  type Sql,
  statementMaxMs,
} from "./connection.ts";

/** Within a transaction: the connection that it has for itself. */
export type Transaction = Sql;

interface Connection {
  readonly sql: Sql;
  /** Rejects when it breaks. */
  readonly broken: Promise<never>;
  readonly breakOff: (why: string) => void;
}

export const connectionsMax = 10;
/** Two statements may take as long as PostgreSQL lets them. */
const attemptMaxMs = 2 * statementMaxMs;
const closeMaxSeconds = 1;
/** A transaction's statements see what was committed before each of them: what is read under a lock is the newest. */
const readCommitted = "isolation level read committed";
const readOnly = "isolation level repeatable read read only";

export class PostgresPool {
  readonly #options: PostgresOptions;
  readonly #deps: PostgresDeps;
  /** Those that haven't broken. */
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  /** While all are in use. */
  readonly #waiting: PromiseWithResolvers<Connection>[] = [];
  #isClosed = false;

  constructor(options: PostgresOptions, deps: PostgresDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get name(): string {
    return this.#options.name;
  }

  /** One statement, repeated until it comes through or time is up: it must not matter whether it ran before. */
  query<T>(run: (sql: Sql) => Promise<T>): Promise<T> {
    return this.retrying(() => this.#attempt(run));
  }

  /** Several statements that see one state. */
  read<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.retrying(() => this.transaction(run, { mode: readOnly }));
  }

  retrying<T>(run: () => Promise<T>): Promise<T> {
    return retrying(this.name, this.#deps, run);
  }

  /** `ending` is called when it can no longer be taken back: from then on an error leaves the outcome open. */
  transaction<T>(
    run: (tx: Transaction) => Promise<T>,
    { mode = readCommitted, ending }: { readonly mode?: string; readonly ending?: (result: T) => void } = {},
  ): Promise<T> {
    return this.#attempt(async (sql) => {
      await sql.unsafe(`begin ${mode}`);
      try {
        const result = await run(sql);
        ending?.(result);
        await sql`commit`;
        return result;
      } catch (error) {
        if (!isConnectionError(error)) await sql`rollback`;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new StoreClosedError());
    await Promise.all([...this.#open].map(({ sql }) => sql.end({ timeout: closeMaxSeconds })));
  }

  async #attempt<T>(run: (sql: Sql) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    // Of a network that is silent TCP alone says so after a quarter of an hour.
    const cancel = this.#deps.clock.after(attemptMaxMs, () => {
      for (const each of [connection, ...this.#idle]) each.breakOff("PostgreSQL doesn't answer");
    });
    try {
      return await Promise.race([run(connection.sql), connection.broken]);
    } catch (error) {
      if (isConnectionError(error)) this.#giveUp(connection);
      throw error;
    } finally {
      cancel();
      this.#putBack(connection);
    }
  }

  async #take(): Promise<Connection> {
    // A request that was under way at the close must not open connections that nobody closes.
    if (this.#isClosed) throw new StoreClosedError();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#open.size < connectionsMax) return this.#connect();
    const waiting = Promise.withResolvers<Connection>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Who waits longest gets it, or, if it broke, a new one in its place. */
  #putBack(connection: Connection): void {
    const isOpen = this.#open.has(connection);
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(isOpen ? connection : this.#connect());
    else if (isOpen) this.#idle.push(connection);
  }

  #connect(): Connection {
    const { promise: broken, reject } = Promise.withResolvers<never>();
    broken.catch(() => undefined);
    const breakOff = (why: string): void => {
      reject(Object.assign(new Error(why), { code: "CONNECTION_CLOSED" }));
      this.#giveUp(connection);
    };
    const sql = connect(this.#options, {
      onclose: () => {
        breakOff("the connection broke");
      },
    });
    const connection = { sql, broken, breakOff };
    this.#open.add(connection);
    return connection;
  }

  #giveUp(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    connection.sql.end({ timeout: 0 }).catch(() => undefined);
  }
}
