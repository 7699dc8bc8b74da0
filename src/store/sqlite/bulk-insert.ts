/** Rows on their way into a table, several to a statement: a statement of its own costs a row as much again. */
import type { Connection, SqlValue, Statement } from "./driver.ts";

const rowsPerStatement = 8;

export class BulkInsert {
  readonly #columns: number;
  readonly #one: Statement;
  readonly #several: Statement;
  #values: SqlValue[] = [];

  /** `head` is the statement before VALUES. */
  constructor(connection: Connection, head: string, columns: number) {
    const row = `(${Array.from({ length: columns }, () => "?").join(", ")})`;
    const rows = Array.from({ length: rowsPerStatement }, () => row).join(", ");
    this.#columns = columns;
    this.#one = connection.prepare(`${head} VALUES ${row}`);
    this.#several = connection.prepare(`${head} VALUES ${rows}`);
  }

  /** With each transaction: what one that failed has left is nobody's. */
  begin(): void {
    this.#values = [];
  }

  /** The values of one row. */
  add(...row: SqlValue[]): void {
    const values = this.#values;
    for (const value of row) values.push(value);
    if (values.length < rowsPerStatement * this.#columns) return;
    this.#several.run(...values);
    this.#values = [];
  }

  /** Before the transaction ends. */
  flush(): void {
    const { length } = this.#values;
    for (let at = 0; at < length; at += this.#columns) {
      this.#one.run(...this.#values.slice(at, at + this.#columns));
    }
    this.#values = [];
  }
}
