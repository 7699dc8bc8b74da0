/**
 * Connections, in generations: when one breaks, all of its generation are given up and the next request opens new ones.
 * The library would go on with the broken ones, but mixes what it hadn't sent yet into what it sends after connecting
 * again, and its own transactions write to a socket that is gone, which ends the process. So transactions are made by
 * hand here, and nothing is asked of a connection once its generation has broken.
 */
import type postgres from "postgres";
import { StoreClosedError } from "../store.ts";
import {
  connect,
  isConnectionError,
  type PostgresDeps,
  type PostgresOptions,
  retrying,
  type Sql,
} from "./connection.ts";

export type Transaction = postgres.ReservedSql<{ bigint: bigint }>;

interface Generation {
  readonly sql: Sql;
  /** Rejects when a connection breaks. */
  readonly broken: Promise<never>;
}

const readOnly = "isolation level repeatable read read only";

export class PostgresPool {
  readonly #options: PostgresOptions;
  readonly #deps: PostgresDeps;
  #current: Generation | undefined;
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
    return this.retrying(() => this.#attempt((generation) => run(generation.sql)));
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
    { mode = "", ending }: { readonly mode?: string; readonly ending?: (result: T) => void } = {},
  ): Promise<T> {
    return this.#attempt(async ({ sql, broken }) => {
      const tx = await Promise.race([sql.reserve(), broken]);
      let isUsable = true;
      try {
        await Promise.race([tx.unsafe(`begin ${mode}`), broken]);
        const result = await Promise.race([run(tx), broken]);
        ending?.(result);
        await Promise.race([tx`commit`, broken]);
        return result;
      } catch (error) {
        isUsable = !isConnectionError(error);
        if (isUsable) await Promise.race([tx`rollback`, broken]);
        throw error;
      } finally {
        if (isUsable) tx.release();
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const { sql } = this.#current ?? {};
    this.#current = undefined;
    await sql?.end({ timeout: 1 });
  }

  async #attempt<T>(run: (generation: Generation) => Promise<T>): Promise<T> {
    // A request that was under way at the close must not open connections that nobody closes.
    if (this.#isClosed) throw new StoreClosedError();
    const generation = (this.#current ??= this.#open());
    try {
      return await Promise.race([run(generation), generation.broken]);
    } catch (error) {
      if (isConnectionError(error)) this.#giveUp(generation);
      throw error;
    }
  }

  #open(): Generation {
    const { promise: broken, reject } = Promise.withResolvers<never>();
    broken.catch(() => undefined);
    const sql = connect(this.#options, {
      onclose: () => {
        reject(Object.assign(new Error("the connection broke"), { code: "CONNECTION_CLOSED" }));
        if (!this.#isClosed) this.#giveUp(generation);
      },
    });
    const generation = { sql, broken };
    return generation;
  }

  #giveUp(generation: Generation): void {
    if (this.#current === generation) this.#current = undefined;
    generation.sql.end({ timeout: 0 }).catch(() => undefined);
  }
}
