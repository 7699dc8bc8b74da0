/**
 * Maintenance.Snapshot: a file that etcd's own tools read, check and restore: all that isn't compacted, leases, and the
 * digest behind it. upstream: v3rpc/maintenance.go; server/storage/schema/bucket.go
 */
import { createHash } from "node:crypto";
import type { Message } from "#wire/protobuf.ts";
import { int64, messageType } from "#wire/protobuf.ts";
import type { snapshotResponse } from "../maintenance-messages.ts";
import { BoltFile } from "./bolt-file.ts";
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
  const file = await fileOf(context);
  const digest = createHash("sha256");
  let remaining = file.reduce((sum, page) => sum + page.length, 0);
  for (const page of file) {
    for (let at = 0; at < page.length; at += blobBytes) {
      const blob = page.subarray(at, at + blobBytes);
      digest.update(blob);
      remaining -= blob.length;
      if (!out.write({ remainingBytes: BigInt(remaining), blob })) await out.drained();
      if (out.signal.aborted) return;
    }
  }
  out.write({ remainingBytes: 0n, blob: digest.digest() });
}

async function fileOf({ store }: EtcdContext): Promise<Buffer[]> {
  const { revision, compactRevision } = store;
  const leases = await leaseRows(store);
  const file = new BoltFile();
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
