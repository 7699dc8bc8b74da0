/**
 * The key space as rows of etcd's backend: what a snapshot holds and a hash is of. A row's key is its revision, its
 * value the key with its counts. upstream: server/storage/mvcc/{kvstore.go, hash.go}, schema/revision.go
 */
import { everyKey } from "../../key-range.ts";
import type { KeyValue, KeyValueStore } from "../../kv.ts";
import type { Revision } from "../../store.ts";
import { keyValue } from "../messages.ts";
import { bytesOf, wireOf } from "./convert.ts";

/** Rows between two pauses: about a millisecond of work. */
const pauseRows = 500;

export interface HistoryRow {
  readonly key: Buffer;
  readonly value: Buffer;
}

/**
 * In the order of revisions, as of `revision`: of what is compacted what compaction kept, then every write since. With
 * `only: "present"`, of what is compacted only what is still there at `revision`.
 * Pauses between pieces, so that others have their turn. Throws CompactedError when compaction comes between.
 */
export async function* historyRows(
  store: KeyValueStore,
  revision: Revision,
  { only }: { readonly only?: "present" } = {},
): AsyncGenerator<HistoryRow, void, undefined> {
  let count = 0;
  for await (const row of rowsOf(store, revision, only)) {
    if (++count % pauseRows === 0) await new Promise(setImmediate);
    yield row;
  }
}

async function* rowsOf(
  store: KeyValueStore,
  revision: Revision,
  only: "present" | undefined,
): AsyncGenerator<HistoryRow, void, undefined> {
  // Revision 1 is where an empty store is.
  if (revision <= 1n) return;
  const compacted = store.compactRevision;
  if (compacted > 0n) {
    const old = (await compactedEntries(store, revision, compacted, only)).toSorted(
      (a, b) => Number(a.modRevision - b.modRevision) || a.operation - b.operation,
    );
    for (const entry of old) yield putRow(entry);
  }
  if (revision <= compacted) return;
  const controller = new AbortController();
  const watch = store.watch(everyKey, { startRevision: compacted + 1n, signal: controller.signal });
  for await (const batch of watch) {
    for (const event of batch.events) {
      if (event.revision > revision) break;
      yield event.type === "put"
        ? putRow(event.entry)
        : {
            key: rowKey(event.revision, event.operation, true),
            value: keyValue.encode({ key: bytesOf(event.key) }),
          };
    }
    if (batch.revision >= revision) break;
  }
}

async function compactedEntries(
  store: KeyValueStore,
  revision: Revision,
  compacted: Revision,
  only: "present" | undefined,
): Promise<readonly KeyValue[]> {
  if (only === "present") {
    const { entries } = await store.range({ range: everyKey, revision });
    // Where nothing is present, upstream's hash leaves nothing out.
    if (entries.length > 0) return entries.filter(({ modRevision }) => modRevision <= compacted);
  }
  const at = revision < compacted ? revision : compacted;
  return (await store.range({ range: everyKey, revision: at })).entries;
}

function putRow(entry: KeyValue): HistoryRow {
  return { key: rowKey(entry.modRevision, entry.operation, false), value: keyValue.encode(wireOf(entry)) };
}

/** Eight bytes, "_", eight bytes; a "t" behind it for a delete. */
function rowKey(revision: Revision, operation: number, isDelete: boolean): Buffer {
  const key = Buffer.alloc(isDelete ? 18 : 17);
  key.writeBigInt64BE(revision, 0);
  key.write("_", 8);
  key.writeBigInt64BE(BigInt(operation), 9);
  if (isDelete) key.write("t", 17);
  return key;
}
