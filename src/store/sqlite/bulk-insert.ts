/**
 * Rows on their way into a table, several to a statement: a statement of its own costs a row as much again, and before
 * each statement SQLite copies the pages that it changes, to be able to undo it alone.
 */
import type { Connection, SqlValue, Statement } from "./driver.ts";

/** Rows of a statement, the most first. */
const sizes = [32, 8, 1] as const;

export class BulkInsert {
  readonly #columns: number;
  readonly #statements: readonly (readonly [values: number, statement: Statement])[];
  #values: SqlValue[] = [];

  /** `head` is the statement before VALUES, `row` one row of them. */
  constructor(connection: Connection, head: string, row: string) {
    const columns = row.split("?").length - 1;
    this.#columns = columns;
    this.#statements = sizes.map((rows) => {
      const values = Array.from({ length: rows }, () => row).join(", ");
      return [rows * columns, connection.prepare(`${head} VALUES ${values}`)];
    });
  }

  /** With each transaction: what one that failed has left is nobody's. */
  begin(): void {
    this.#values = [];
  }

  /** The values of one row. */
  add(...row: SqlValue[]): void {
    const values = this.#values;
    for (const value of row) values.push(value);
    if (values.length === sizes[0] * this.#columns) this.flush();
  }

  /** Before the transaction ends. */
  flush(): void {
    const values = this.#values;
    let at = 0;
    for (const [count, statement] of this.#statements) {
      for (; values.length - at >= count; at += count) {
        statement.run(...(count === values.length ? values : values.slice(at, at + count)));
      }
    }
    this.#values = [];
  }
}
