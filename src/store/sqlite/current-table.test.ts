/** How the table of current state follows the log, as far as it shows in the file and in the process. */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Database } from "./database.ts";
import { openConnection } from "./driver.ts";
import { type Packed, readRecords, RecordWriter } from "./records.ts";
import { operations, positionOf } from "./schema.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-current-"));
after(() => rm(folder, { recursive: true }));

const keyAt = (at: number): string =>
  `/registry/pods/default/a-pod-with-some-name-${String(at).padStart(6, "0")}`;

/** Writes keys in commits of some rows, and knows what is there. */
class Writer {
  readonly positions = new Map<string, bigint>();
  database: Database;
  #revision = 2n;

  constructor(database: Database) {
    this.database = database;
  }

  write(keys: readonly string[], operation: bigint = operations.put): void {
    for (let at = 0; at < keys.length; at += 60) {
      this.database.commit(this.#pack(keys.slice(at, at + 60), operation));
    }
  }

  #pack(keys: readonly string[], operation: bigint): Packed {
    const writer = new RecordWriter();
    for (const key of keys) {
      const position = positionOf(this.#revision++);
      const previous = this.positions.get(key) ?? 0n;
      const facts = { created: 2n, version: 1n, lease: 0n, value: undefined, author: undefined };
      writer.write({ ...facts, position, previous, operation, key });
      if (operation === operations.delete) this.positions.delete(key);
      else this.positions.set(key, position);
    }
    return writer.finish();
  }
}

const keysOf = (count: number, step: number): string[] =>
  Array.from({ length: count }, (_, at) => keyAt(at * step));

/** Files without a name that this process has open. */
function namelessFiles(): number {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return links.filter((link) => /\/#\d+ \(deleted\)$/.test(link)).length;
}

test("what a start finds is what was written, at whatever point of a generation it stopped", () => {
  const path = join(folder, "points.db");
  const options = { path, generationKeys: 300 };
  const seen = new Set<number>();
  let database = new Database(options);
  const writer = new Writer(database);
  for (let round = 0; round < 12; round++) {
    writer.write(keysOf(200 + round * 37, 1 + (round % 3)));
    writer.write(keysOf(15, 7), operations.delete);
    database.close();
    const connection = openConnection({ path, lockWaitMs: 0 });
    seen.add(Number(connection.prepare("SELECT value FROM meta WHERE name = 'folded'").get()?.[0]));
    connection.close();
    database = new Database(options);
    const found = [...database.load()].flatMap(readRecords).map(({ key, position }) => [key, position]);
    assert.equal(found.length, writer.positions.size, "a key twice");
    assert.deepEqual(new Map(found as [string, bigint][]), writer.positions, `round ${round}`);
    writer.database = database;
  }
  database.close();
  assert.ok(seen.size > 3, `only ${seen.size} generations were folded`);
});

test("folding keys that lie far apart keeps SQLite's copies of pages in memory, not in a file beside the log", () => {
  const before = namelessFiles();
  const database = new Database({ path: join(folder, "spill.db"), generationKeys: 512 });
  const writer = new Writer(database);
  writer.write(keysOf(16_384, 1));
  for (let turn = 0; turn < 3; turn++) writer.write(keysOf(512, 32));
  const during = namelessFiles();
  database.close();
  assert.equal(during, before);
});
