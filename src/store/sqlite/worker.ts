/** The thread that owns the database file. It sleeps on the bell and answers requests in order; see protocol.ts. */
import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import { assert, AssertionError } from "#base/assert.ts";
import { systemClock } from "#base/clock.ts";
import { Database } from "./database.ts";
import { sqliteCode } from "./driver.ts";
import { lockHolder } from "./lock-holder.ts";
import { openErrorOf, StoreOpenError } from "./open-errors.ts";
import type { DatabaseOptions, Hello, Reply, Request } from "./protocol.ts";
import type { Packed } from "./records.ts";

/**
 * A writer that waits for each of its commits comes back within this time, sooner than a sleeping thread wakes up.
 * Staying awake for it makes its commits a fifth faster; an idle store sleeps.
 */
const awakeMs = 0.2;

/** So many go before a slice of a sweep that waits; when none waits, the slice is next. */
const writesBeforeSlice = 3;

const restsOnFailed = "a write before it, on which it rests, has failed";

/** After these a checkpoint may be due. After a slice of a sweep one waits for the next slice. */
const writing: ReadonlySet<Request["kind"]> = new Set(["commit", "endCopy"]);

const port = parentPort;
assert(port !== null, "the SQLite worker runs as a worker thread only");

port.once("message", ({ bell }: Hello) => {
  serve(bell);
});

function serve(bell: Int32Array<SharedArrayBuffer>): void {
  const session: Session = { database: undefined, failedEpoch: -1 };
  let isBusy = false;
  let slice: Request | undefined;
  for (;;) {
    const rung = Atomics.load(bell, 0);
    let writes = 0;
    for (let next = receive(); next !== undefined; next = receive()) {
      if (next.kind === "sweep") {
        slice = next;
        continue;
      }
      answer(session, next);
      if (next.kind === "close") {
        port?.close();
        return;
      }
      if (writing.has(next.kind)) session.database?.checkpointIfDue();
      writes++;
      if (slice !== undefined && writes >= writesBeforeSlice) break;
    }
    if (slice === undefined) isBusy = waitForBell(bell, rung, isBusy);
    else answer(session, slice);
    slice = undefined;
  }
}

/** Returns whether the bell rang so soon that it would have paid to stay awake; then `isBusy` stays awake next time. */
function waitForBell(bell: Int32Array<SharedArrayBuffer>, rung: number, isBusy: boolean): boolean {
  const end = systemClock.monotonic() + awakeMs;
  if (isBusy) while (Atomics.load(bell, 0) === rung && systemClock.monotonic() < end);
  Atomics.wait(bell, 0, rung);
  return systemClock.monotonic() < end;
}

function receive(): Request | undefined {
  assert(port !== null, "no port");
  return receiveMessageOnPort(port)?.message as Request | undefined;
}

function send(reply: Reply, packed?: Pick<Packed, "buffer">): void {
  port?.postMessage(reply, packed === undefined ? [] : [packed.buffer]);
}

interface Session {
  database: Database | undefined;
  /** The last one in which a commit has failed. */
  failedEpoch: number;
}

function answer(session: Session, request: Request): void {
  try {
    if (request.kind === "open") {
      session.database = openDatabase(request.options);
      return;
    }
    const { database } = session;
    assert(database !== undefined, `${request.kind} before open`);
    if (request.kind === "commit" && request.epoch <= session.failedEpoch) throw new Error(restsOnFailed);
    perform(database, request);
  } catch (error) {
    if (request.kind === "commit") session.failedEpoch = request.epoch;
    if (!(error instanceof Error) || error instanceof AssertionError) throw error;
    const fault = error instanceof StoreOpenError ? error.fault : undefined;
    send({ kind: "failed", asked: request.kind, message: error.message, code: sqliteCode(error), fault });
  }
}

function openDatabase(options: DatabaseOptions): Database {
  try {
    const database = new Database(options);
    for (const rows of database.load()) send({ kind: "rows", rows }, rows);
    const { revision, compacted, notes } = database;
    send({ kind: "opened", revision, compacted, leases: notes.leases(), alarms: notes.alarms() });
    return database;
  } catch (error) {
    throw openErrorOf(options.path, error, () => lockHolder(options.path));
  }
}

function perform(database: Database, request: Exclude<Request, { kind: "open" }>): void {
  switch (request.kind) {
    case "commit":
      database.commit(request.rows);
      send({ kind: "done" });
      // Freed now: this thread makes so little garbage that its collector would let many of them pile up.
      request.rows.buffer.transfer(0);
      return;
    case "events":
    case "changes": {
      const { revision, rows } = database[request.kind](request.range, request.from, request.to);
      send({ kind: "read", revision, rows }, rows);
      return;
    }
    case "entries": {
      const rows = database.entries(request.positions);
      send({ kind: "read", revision: 0n, rows }, rows);
      return;
    }
    case "compact":
      database.compact(request.revision);
      send({ kind: "done" });
      return;
    case "sweep":
      send({ kind: "swept", more: database.sweep() });
      return;
    case "beginCopy": {
      const pages = database.copy.begin();
      send({ kind: "copying", revision: database.revision, pages });
      return;
    }
    case "readCopy": {
      const pages = database.copy.read(request.page, request.count);
      send({ kind: "copied", pages }, pages);
      return;
    }
    case "endCopy":
      database.copy.end();
      send({ kind: "done" });
      return;
    case "close":
      database.close();
      send({ kind: "done" });
  }
}
