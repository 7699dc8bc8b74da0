/**
 * Reads the pages of the database file as they were at one revision, while writes go on: those go to the write-ahead
 * log, and nothing is moved from there into the file before the copy has ended.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { assert } from "#base/assert.ts";
import type { Connection } from "./driver.ts";
import { pageBytes } from "./schema.ts";

export class PageCopy {
  readonly #connection: Connection;
  readonly #path: string;
  /** Stays open as long as the connection: closing it would give up SQLite's locks on the file. */
  #descriptor: number | undefined;
  #isRunning = false;
  #checkpointPages = 0n;

  constructor(connection: Connection, path: string) {
    this.#connection = connection;
    this.#path = path;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Returns how many pages there are to read. */
  begin(): number {
    assert(!this.#isRunning, "one copy of the database at a time");
    const [busy, logged, moved] = this.#connection.prepare("PRAGMA wal_checkpoint(PASSIVE)").get() ?? [];
    if (busy !== 0n || logged !== moved) {
      throw new Error(`the write-ahead log of ${this.#path} can't be emptied`);
    }
    this.#checkpointPages = this.#connection.pragma("wal_autocheckpoint") as bigint;
    this.#connection.exec("PRAGMA wal_autocheckpoint = 0");
    this.#isRunning = true;
    this.#descriptor ??= openSync(this.#path, "r");
    return Number(this.#connection.pragma("page_count"));
  }

  read(page: number, count: number): Buffer<ArrayBuffer> {
    assert(this.#isRunning && this.#descriptor !== undefined, "no copy of the database is running");
    const buffer = Buffer.allocUnsafeSlow(count * pageBytes);
    for (let at = 0; at < buffer.length;) {
      const read = readSync(this.#descriptor, buffer, at, buffer.length - at, page * pageBytes + at);
      if (read === 0) throw new Error(`${this.#path} ends before page ${page + count}`);
      at += read;
    }
    return buffer;
  }

  end(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#connection.exec(`PRAGMA wal_autocheckpoint = ${this.#checkpointPages}`);
  }

  /** After the connection was closed. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
