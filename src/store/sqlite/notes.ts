/** What the file keeps beside the log: leases and alarms. Synchronous: runs in the worker, within its transactions. */
import { unreachable } from "#base/assert.ts";
import type { Note, StoredLease } from "../backend.ts";
import type { Connection, Statement } from "./driver.ts";
import type { PackedRow, ReadRow } from "./records.ts";
import { operations } from "./schema.ts";

export class NotesTable {
  readonly #connection: Connection;
  readonly #setLease: Statement;
  readonly #deleteLease: Statement;
  readonly #setAlarms: Statement;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#setLease = connection.prepare("REPLACE INTO lease VALUES (?, ?, ?)");
    this.#deleteLease = connection.prepare("DELETE FROM lease WHERE id = ?");
    this.#setAlarms = connection.prepare("UPDATE meta SET value = ? WHERE name = 'alarms'");
  }

  /** False when the row is one of the log. */
  write({ operation, lease, version, previous }: ReadRow): boolean {
    switch (operation) {
      case operations.lease:
        this.#setLease.run(lease, version, previous);
        return true;
      case operations.noLease:
        this.#deleteLease.run(lease);
        return true;
      case operations.alarms:
        this.#setAlarms.run(version);
        return true;
      default:
        return false;
    }
  }

  leases(): StoredLease[] {
    const rows = this.#connection.prepare("SELECT id, seconds, remaining FROM lease").all();
    return (rows as [bigint, bigint, bigint][]).map(([id, grantedSeconds, remainingMs]) => ({
      id,
      grantedSeconds,
      remainingMs,
    }));
  }

  alarms(): bigint {
    const row = this.#connection.prepare("SELECT value FROM meta WHERE name = 'alarms'").get();
    return (row?.[0] ?? 0n) as bigint;
  }
}

/** A note in the form of a row, as NotesTable.write reads it. */
export function noteRow(note: Note): PackedRow {
  const texts = { key: "", value: undefined, author: undefined };
  const row = { ...texts, position: 0n, previous: 0n, created: 0n, version: 0n, lease: 0n };
  switch (note.kind) {
    case "lease": {
      const { id, grantedSeconds, remainingMs } = note.lease;
      return {
        ...row,
        operation: operations.lease,
        lease: id,
        version: grantedSeconds,
        previous: remainingMs,
      };
    }
    case "no lease":
      return { ...row, operation: operations.noLease, lease: note.id };
    case "alarms":
      return { ...row, operation: operations.alarms, version: note.bits };
    default:
      return unreachable(note);
  }
}
