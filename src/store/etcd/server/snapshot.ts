/**
 * Maintenance.Snapshot: a file that etcd's own tools read, check and restore: all that isn't compacted, leases, and the
 * digest behind it. upstream: v3rpc/maintenance.go; server/storage/schema/bucket.go
 */
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Message } from "#wire/protobuf.ts";
import { int64, messageType } from "#wire/protobuf.ts";
import type { snapshotResponse } from "../maintenance-messages.ts";
import { BoltFile, type PageSink } from "./bolt-file.ts";
import type { EtcdContext } from "./context.ts";
import { type HistoryRow, historyRows } from "./history.ts";
import type { StreamOut } from "./service.ts";

/** upstream: maintenance.go, snapshotSendBufferSize */
const blobBytes = 32 * 1024;

const storedLease = messageType({ id: int64(1), ttl: int64(2), remainingTtl: int64(3) });

export async function snapshot(
  context: EtcdContext,
  out: StreamOut<Partial<Message<typeof snapshotResponse>>>,
): Promise<void> {
  await using spool = await Spool.open(context.spoolFolder);
  const size = await writeFile(context, spool);
  const digest = createHash("sha256");
  for (let at = 0; at < size; at += blobBytes) {
    const blob = await spool.read(at, Math.min(blobBytes, size - at));
    digest.update(blob);
    const remaining = size - at - blob.length;
    if (!out.write({ remainingBytes: BigInt(remaining), blob })) await out.drained();
    if (out.signal.aborted) return;
  }
  out.write({ remainingBytes: 0n, blob: digest.digest() });
}

/** On the disk, so that a store of any size can be sent; without a name, so that nothing is left behind. */
class Spool implements PageSink, AsyncDisposable {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(folder: string): Promise<Spool> {
    const path = join(folder, `etcd-snapshot-${randomUUID()}`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return new Spool(file);
  }

  async write(bytes: Buffer, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += (await this.#file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const { bytesRead } = await this.#file.read(bytes, at, length - at, position + at);
      if (bytesRead === 0) throw new Error(`the snapshot ends at byte ${position + at}`);
      at += bytesRead;
    }
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Returns its size. */
async function writeFile({ store }: EtcdContext, sink: PageSink): Promise<number> {
  const { revision, compactRevision } = store;
  const leases = await leaseRows(store);
  const file = new BoltFile(sink);
  for (const name of ["alarm", "auth", "authRoles", "authUsers", "cluster"]) await file.addBucket(name);
  await file.addBucket("key", historyRows(store, revision));
  await file.addBucket("lease", leases);
  for (const name of ["members", "members_removed"]) await file.addBucket(name);
  const compaction = [{ key: Buffer.from("finishedCompactRev"), value: compactedAt(compactRevision) }];
  await file.addBucket("meta", [
    { key: Buffer.from("consistent_index"), value: bigEndian(revision) },
    ...(compactRevision > 0n ? compaction : []),
  ]);
  return file.finish();
}

async function leaseRows(store: EtcdContext["store"]): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for (const id of await store.leases()) {
    const lease = await store.lease(id);
    if (lease === undefined) continue;
    const remainingTtl = BigInt(Math.ceil(lease.remainingMs / 1000));
    const value = storedLease.encode({ id, ttl: lease.grantedSeconds, remainingTtl });
    rows.push({ key: bigEndian(BigInt.asUintN(64, id)), value });
  }
  return rows.toSorted((a, b) => Buffer.compare(a.key, b.key));
}

function bigEndian(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(value);
  return buffer;
}

function compactedAt(revision: bigint): Buffer {
  return Buffer.concat([bigEndian(revision), Buffer.from("_"), bigEndian(0n)]);
}
