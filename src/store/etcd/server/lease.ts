/** The Lease service. upstream: v3rpc/lease.go, lease/lessor.go */
import { LeaseNotFoundError } from "../../kv.ts";
import type { Message } from "#wire/protobuf.ts";
import type {
  leaseGrantRequest,
  leaseKeepAliveRequest,
  leaseKeepAliveResponse,
  leaseRevokeRequest,
  leaseTimeToLiveRequest,
} from "../lease-messages.ts";
import { type EtcdContext, type Header, headerOf } from "./context.ts";
import { bytesOf } from "./convert.ts";
import { etcdError } from "./errors.ts";

/** One and a half election timeouts of 1 s, rounded up. upstream: etcdserver/server.go, minTTL */
const secondsMin = 2n;
/** upstream: lease/lessor.go, MaxLeaseTTL */
const secondsMax = 9_000_000_000n;

interface Granted {
  readonly header: Header;
  readonly id: bigint;
  readonly ttl: bigint;
}

export async function leaseGrant(
  context: EtcdContext,
  request: Message<typeof leaseGrantRequest>,
  bytes: number,
): Promise<Granted> {
  await context.space.check(bytes);
  if (request.ttl > secondsMax) throw etcdError("leaseTtlTooLarge");
  const ttl = request.ttl < secondsMin ? secondsMin : request.ttl;
  const id = request.id === 0n ? newId(context) : request.id;
  await context.store.grantLease(id, ttl);
  return { header: headerOf(context), id, ttl };
}

/** Positive, as all ids that upstream makes. */
function newId({ random }: EtcdContext): bigint {
  return BigInt.asUintN(63, random.bytes(8).readBigUInt64BE());
}

export async function leaseRevoke(
  context: EtcdContext,
  { id }: Message<typeof leaseRevokeRequest>,
): Promise<{ readonly header: Header }> {
  const { revision } = await context.store.revokeLease(id);
  return { header: headerOf(context, revision) };
}

/** A lease that isn't there has no time left; that is no error on a stream of many leases. */
export async function leaseKeepAlive(
  context: EtcdContext,
  { id }: Message<typeof leaseKeepAliveRequest>,
): Promise<Parameters<typeof leaseKeepAliveResponse.encode>[0]> {
  try {
    const ttl = await context.store.keepLeaseAlive(id);
    return { header: headerOf(context), id, ttl };
  } catch (error) {
    if (!(error instanceof LeaseNotFoundError)) throw error;
    return { header: headerOf(context), id, ttl: 0n };
  }
}

interface TimeToLive {
  readonly header: Header;
  readonly id: bigint;
  readonly ttl: bigint;
  readonly grantedTtl: bigint;
  readonly keys: readonly Buffer[];
}

export async function leaseTimeToLive(
  context: EtcdContext,
  { id, keys }: Message<typeof leaseTimeToLiveRequest>,
): Promise<TimeToLive> {
  const lease = await context.store.lease(id);
  const header = headerOf(context);
  if (lease === undefined) return { header, id, ttl: -1n, grantedTtl: 0n, keys: [] };
  return {
    header,
    id,
    ttl: BigInt(Math.floor(lease.remainingMs / 1000)),
    grantedTtl: lease.grantedSeconds,
    keys: keys ? lease.keys.map(bytesOf) : [],
  };
}

export async function leaseLeases(context: EtcdContext): Promise<{
  readonly header: Header;
  readonly leases: readonly { readonly id: bigint }[];
}> {
  const ids = await context.store.leases();
  return { header: headerOf(context), leases: ids.map((id) => ({ id })) };
}
