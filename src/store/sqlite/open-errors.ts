/** Why a database can't be opened, for the person at the terminal: which file, what is wrong, what to do. */
export type StoreOpenFault = "locked" | "corrupt" | "foreign" | "newer" | "unreadable" | "not-durable";

export class StoreOpenError extends Error {
  override readonly name = "StoreOpenError";
  readonly code = "STORE_OPEN";
  readonly fault: StoreOpenFault;
  readonly path: string;
  constructor(fault: StoreOpenFault, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
    this.path = path;
  }
}

function lockedError(path: string, holder: string | undefined): StoreOpenError {
  const who = holder ?? "another process";
  return new StoreOpenError(
    "locked",
    path,
    `the database ${path} is in use by ${who}: stop it, or give this server a data directory of its own`,
  );
}

export function corruptError(path: string, what: string): StoreOpenError {
  return new StoreOpenError(
    "corrupt",
    path,
    `the database ${path} is damaged (${what}): restore a snapshot, or move the file and its -wal away to start empty`,
  );
}

export function foreignFileError(path: string): StoreOpenError {
  return new StoreOpenError(
    "foreign",
    path,
    `${path} is a SQLite database of another program: move it away, or choose another data directory`,
  );
}

export function newerSchemaError(path: string, found: bigint, known: bigint): StoreOpenError {
  return new StoreOpenError(
    "newer",
    path,
    `the database ${path} has schema version ${found}, this program knows up to ${known}: use the newer program`,
  );
}

export function notDurableError(path: string, what: string): StoreOpenError {
  return new StoreOpenError(
    "not-durable",
    path,
    `the database ${path} can't be made durable: ${what}; its file system may not support it`,
  );
}

function unreadableError(path: string, reason: string): StoreOpenError {
  return new StoreOpenError("unreadable", path, `can't open the database ${path}: ${reason}`);
}

/** Makes of an error of SQLite, or of the file system, one that says what to do; any other stays as it is. */
export function openErrorOf(path: string, error: unknown, holder: () => string | undefined): unknown {
  if (!(error instanceof Error) || error instanceof StoreOpenError || !("code" in error)) return error;
  const code = String(error.code);
  if (code === "SQLITE_BUSY") return lockedError(path, holder());
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return corruptError(path, error.message);
  return unreadableError(path, error.message);
}
