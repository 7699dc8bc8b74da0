/** What is in a snapshot: its state at any revision it still knows, and whether all of it is sound. Reads only. */
import { textOfKey } from "../key-range.ts";
import { type Connection, openConnection } from "../sqlite/driver.ts";
import { checksumOf, operations, positionOf, revisionOf } from "../sqlite/schema.ts";
import type { Revision } from "../store.ts";

export interface ContentsOptions {
  readonly path: string;
  readonly nativeBinding?: string | undefined;
}

export interface KeptEntry {
  readonly key: string;
  readonly modRevision: Revision;
  readonly value: Buffer;
}

const maximumPosition = 2n ** 63n - 1n;

export class SnapshotContents implements Disposable {
  readonly #connection: Connection;

  constructor(options: ContentsOptions) {
    this.#connection = openConnection({ ...options, lockWaitMs: 0, isReadOnly: true });
  }

  /** In the order of keys; absent means the newest state. */
  *state(revision?: Revision): Generator<KeptEntry, void, undefined> {
    const rows = this.#connection
      .prepare(
        `SELECT newest.name, newest.position, log.value
         FROM (SELECT name, max(position) AS position FROM log WHERE position < ? GROUP BY name) newest
         JOIN log ON log.position = newest.position
         WHERE log.operation = ${operations.put} ORDER BY newest.name`,
      )
      .iterate(revision === undefined ? maximumPosition : positionOf(revision + 1n));
    for (const [name, position, value] of rows) {
      yield {
        key: textOfKey(name as string),
        modRevision: revisionOf(position as bigint),
        value: value === null ? Buffer.alloc(0) : Buffer.from(value as Uint8Array),
      };
    }
  }

  /** What is wrong with it, in words; empty when it is sound. */
  faults(): string[] {
    const found: string[] = [];
    const checks = this.#connection.prepare("PRAGMA integrity_check(20)").all();
    for (const [text] of checks) if (text !== "ok") found.push(String(text));
    if (found.length > 0) return found;
    const rows = this.#connection.prepare("SELECT position, name, checksum, value FROM log").iterate();
    for (const [position, name, checksum, value] of rows) {
      const bytes = (value as Uint8Array | null) ?? noBytes;
      if (BigInt(checksumOf(name as string, bytes)) === checksum) continue;
      const where = `${textOfKey(name as string)} at revision ${revisionOf(position as bigint)}`;
      found.push(`the value of ${where} doesn't match its checksum`);
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

const noBytes = new Uint8Array(0);
