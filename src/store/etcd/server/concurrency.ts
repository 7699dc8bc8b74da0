/** What locks and elections have in common: a queue of keys under a prefix, each with its owner's lease, the oldest first. upstream: client/v3/concurrency */
import { prefixRange, singleKey } from "../../key-range.ts";
import type { KeyValue } from "../../kv.ts";
import type { Revision } from "../../store.ts";
import type { EtcdContext } from "./context.ts";
import { etcdError } from "./errors.ts";

/** Of a session without a lease of its own. upstream: concurrency/session.go, defaultSessionTTL */
const sessionSeconds = 60n;

/** The lease to use: the given one, or one that nobody keeps alive. */
export async function sessionLease({ store, random }: EtcdContext, given: bigint): Promise<bigint> {
  if (given !== 0n) return given;
  const id = BigInt.asUintN(63, random.bytes(8).readBigUInt64BE());
  await store.grantLease(id, sessionSeconds);
  return id;
}

export interface Place {
  readonly key: string;
  /** Of the key's creation: it decides who is before whom. */
  readonly revision: Revision;
}

/** Gets in line under `prefix`; who is in it already stays where he is, with a new value. */
export async function getInLine(
  { store }: EtcdContext,
  prefix: string,
  owner: { readonly lease: bigint; readonly value: Buffer },
): Promise<Place> {
  const { lease, value } = owner;
  const key = prefix + BigInt.asUintN(64, lease).toString(16);
  const answer = await store.transact({
    compare: [{ range: singleKey(key), relation: "equal", target: { of: "create", number: 0n } }],
    success: [{ kind: "put", put: { key, value, lease } }],
    failure: [{ kind: "range", query: { range: singleKey(key) } }],
  });
  const [outcome] = answer.answers;
  const found = outcome?.kind === "range" ? outcome.entries[0] : undefined;
  if (found === undefined) return { key, revision: answer.revision };
  if (!found.value.equals(value)) await proclaim({ store }, { key, revision: found.createRevision }, owner);
  return { key, revision: found.createRevision };
}

/** False when the place is lost. */
export async function proclaim(
  { store }: Pick<EtcdContext, "store">,
  { key, revision }: Place,
  { lease, value }: { readonly lease: bigint; readonly value: Buffer },
): Promise<boolean> {
  const { succeeded } = await store.transact({
    compare: [{ range: singleKey(key), relation: "equal", target: { of: "create", number: revision } }],
    success: [{ kind: "put", put: { key, value, lease } }],
    failure: [],
  });
  return succeeded;
}

/** Resolves when nobody is before. When the client leaves meanwhile, so does its place. */
export async function waitForTurn(
  context: EtcdContext,
  prefix: string,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const { store } = context;
  for (;;) {
    const before = await store.range({
      range: prefixRange(prefix),
      createRevisionMax: place.revision - 1n,
      sort: { target: "create", order: "descend" },
      limit: 1,
    });
    const [ahead] = before.entries;
    if (ahead === undefined) break;
    await waitForEnd(context, ahead, before.revision, signal);
    if (signal.aborted) {
      await store.delete({ range: singleKey(place.key) });
      return;
    }
  }
  // The lease may have ended while we waited.
  if ((await store.range({ range: singleKey(place.key) })).count === 0) throw etcdError("leaseNotFound");
}

async function waitForEnd(
  { store }: EtcdContext,
  { key }: KeyValue,
  since: Revision,
  signal: AbortSignal,
): Promise<void> {
  for await (const { events } of store.watch(singleKey(key), { startRevision: since + 1n, signal })) {
    if (events.some(({ type }) => type === "delete")) return;
  }
}

/** The oldest under the prefix. */
export async function first(
  { store }: EtcdContext,
  prefix: string,
): Promise<{ readonly revision: Revision; readonly entry: KeyValue | undefined }> {
  const sort = { target: "create", order: "ascend" } as const;
  const { revision, entries } = await store.range({ range: prefixRange(prefix), sort, limit: 1 });
  return { revision, entry: entries[0] };
}
