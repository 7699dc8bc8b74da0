/** Maintenance.Hash and HashKV. upstream: server/storage/mvcc/hash.go */
import type { Message } from "#wire/protobuf.ts";
import { CompactedError, FutureRevisionError, type Revision } from "../../store.ts";
import type { hashKvRequest } from "../maintenance-messages.ts";
import { type EtcdContext, type Header, headerOf } from "./context.ts";
import { crc32c } from "./crc32c.ts";
import { historyRows } from "./history.ts";

interface Hashed {
  readonly header: Header;
  readonly hash: bigint;
  readonly compactRevision: bigint;
  readonly hashRevision: bigint;
}

/** Of all keys and their history up to a revision, 0 meaning now. The same for the same history, in etcd, too. */
export async function hashKv(
  context: EtcdContext,
  { revision: asked }: Message<typeof hashKvRequest>,
): Promise<Hashed> {
  const { store } = context;
  const { revision: current, compactRevision } = store;
  if (asked > 0n && asked <= compactRevision) throw new CompactedError(compactRevision);
  if (asked > current) throw new FutureRevisionError(asked, current);
  const revision = asked === 0n ? current : asked;
  const crc = await hashOf(context, revision);
  // Upstream has -1 for "never".
  const compacted = compactRevision === 0n ? -1n : compactRevision;
  return {
    header: headerOf(context, current),
    hash: crc,
    compactRevision: compacted,
    hashRevision: revision,
  };
}

/** Upstream hashes its file; this is the hash of all that a snapshot would hold of keys. */
export async function hash(context: EtcdContext): Promise<Omit<Hashed, "compactRevision" | "hashRevision">> {
  const { revision } = context.store;
  return { header: headerOf(context, revision), hash: await hashOf(context, revision) };
}

async function hashOf({ store }: EtcdContext, revision: Revision): Promise<bigint> {
  let crc = crc32c(Buffer.from("key"));
  for await (const { key, value } of historyRows(store, revision, { only: "present" })) {
    crc = crc32c(value, crc32c(key, crc));
  }
  return BigInt(crc);
}
