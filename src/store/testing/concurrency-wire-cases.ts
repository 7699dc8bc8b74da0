/** The services Lock and Election: the same by a real etcd and by ours. */
import assert from "node:assert/strict";
import * as line from "../etcd/concurrency-messages.ts";
import * as leases from "../etcd/lease-messages.ts";
import * as kv from "../etcd/messages.ts";
import type { WireCase } from "./etcd-wire.suite.ts";
import type { EtcdCalls } from "./etcd-calls.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text);

type Leader = NonNullable<ReturnType<typeof line.campaignResponse.decode>["leader"]>;

async function grant(calls: EtcdCalls): Promise<bigint> {
  const types = [leases.leaseGrantRequest, leases.leaseGrantResponse] as const;
  return (await calls.unary("etcdserverpb.Lease/LeaseGrant", types, { ttl: 100n })).id;
}

function lock(calls: EtcdCalls, name: string, lease: bigint, signal?: AbortSignal): Promise<string> {
  const types = [line.lockRequest, line.lockResponse] as const;
  return calls
    .unary("v3lockpb.Lock/Lock", types, { name: bytesOf(name), lease }, signal)
    .then(({ key }) => key.toString());
}

async function unlock(calls: EtcdCalls, key: string): Promise<void> {
  const types = [line.unlockRequest, line.unlockResponse] as const;
  await calls.unary("v3lockpb.Lock/Unlock", types, { key: bytesOf(key) });
}

/** Resolves when `count` keys are under the prefix. */
async function inLine(calls: EtcdCalls, prefix: string, count: bigint): Promise<void> {
  const range = { key: bytesOf(`${prefix}/`), rangeEnd: bytesOf(`${prefix}0`) };
  const stream = calls.duplex("etcdserverpb.Watch/Watch", [kv.watchRequest, kv.watchResponse]);
  stream.write({ create: range });
  for (;;) {
    await stream.next();
    const found = await calls.unary("etcdserverpb.KV/Range", [kv.rangeRequest, kv.rangeResponse], range);
    if (found.count === count) break;
  }
  stream.cancel();
}

async function campaign(calls: EtcdCalls, name: string, lease: bigint, value: string): Promise<Leader> {
  const types = [line.campaignRequest, line.campaignResponse] as const;
  const request = { name: bytesOf(name), lease, value: bytesOf(value) };
  const { leader } = await calls.unary("v3electionpb.Election/Campaign", types, request);
  assert.ok(leader !== undefined);
  return leader;
}

async function proclaim(calls: EtcdCalls, leader: Leader | undefined, value: string): Promise<void> {
  const types = [line.proclaimRequest, line.proclaimResponse] as const;
  await calls.unary("v3electionpb.Election/Proclaim", types, { leader, value: bytesOf(value) });
}

async function resign(calls: EtcdCalls, leader: Leader | undefined): Promise<void> {
  await calls.unary("v3electionpb.Election/Resign", [line.resignRequest, line.resignResponse], { leader });
}

const leaderTypes = [line.leaderRequest, line.leaderResponse] as const;

async function leaderOf(calls: EtcdCalls, name: string): Promise<string> {
  const answer = await calls.unary("v3electionpb.Election/Leader", leaderTypes, { name: bytesOf(name) });
  return String(answer.kv?.value);
}

/** The whole refusal: "CODE TEXT". */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && "details" in error, String(error));
    return `${String(error.code)} ${String(error.details)}`;
  }
  return "none";
}

export const concurrencyWireCases: readonly WireCase[] = [
  [
    "a lock goes from one to the next, in the order they came",
    async (calls) => {
      const [a, b, c] = [await grant(calls), await grant(calls), await grant(calls)];
      const first = await lock(calls, "lock", a);
      assert.equal(first, `lock/${a.toString(16)}`);
      assert.equal(await lock(calls, "lock", a), first, "who has it gets it again");
      const order: string[] = [];
      const later = (name: string, lease: bigint): Promise<string> =>
        lock(calls, "lock", lease).then((key) => {
          order.push(name);
          return key;
        });
      const second = later("second", b);
      await inLine(calls, "lock", 2n);
      const third = later("third", c);
      await inLine(calls, "lock", 3n);
      assert.deepEqual(order, []);
      await unlock(calls, first);
      const key = await second;
      assert.deepEqual(order, ["second"]);
      // The end of a lease unlocks, too.
      const types = [leases.leaseRevokeRequest, leases.leaseRevokeResponse] as const;
      await calls.unary("etcdserverpb.Lease/LeaseRevoke", types, { id: b });
      assert.notEqual(await third, key);
      assert.deepEqual(order, ["second", "third"]);
    },
  ],
  [
    "who gives up waiting for a lock leaves the line",
    async (calls) => {
      const [a, b] = [await grant(calls), await grant(calls)];
      await lock(calls, "left", a);
      const gone = new AbortController();
      const waiting = refusal(lock(calls, "left", b, gone.signal));
      await inLine(calls, "left", 2n);
      gone.abort();
      assert.match(await waiting, /^1 /);
      await inLine(calls, "left", 1n);
    },
  ],
  [
    "a lock with a lease that nobody granted",
    async (calls) => {
      assert.equal(await refusal(lock(calls, "none", 4711n)), "2 etcdserver: requested lease not found");
    },
  ],
  [
    "an election: campaign, proclaim, leader, observe, resign",
    async (calls) => {
      assert.equal(await refusal(leaderOf(calls, "boss")), "2 election: no leader");
      const [a, b] = [await grant(calls), await grant(calls)];
      const one = await campaign(calls, "boss", a, "one");
      assert.deepEqual([one.name.toString(), one.key.toString()], ["boss", `boss/${a.toString(16)}`]);
      assert.equal(one.lease, a);
      const observed = calls.serverStream("v3electionpb.Election/Observe", leaderTypes, {
        name: bytesOf("boss"),
      });
      const next = async (): Promise<string> => String((await observed.next()).kv?.value);
      assert.equal(await next(), "one");
      await proclaim(calls, one, "still one");
      assert.equal(await next(), "still one");
      assert.equal(await leaderOf(calls, "boss"), "still one");
      const second = campaign(calls, "boss", b, "two");
      await inLine(calls, "boss", 2n);
      assert.equal(await leaderOf(calls, "boss"), "still one");
      await resign(calls, one);
      const two = await second;
      assert.equal(await next(), "two");
      assert.equal(await leaderOf(calls, "boss"), "two");
      assert.equal(await refusal(proclaim(calls, one, "one again")), "2 election: not leader");
      // Who has resigned may do so again.
      await resign(calls, one);
      assert.equal(await leaderOf(calls, "boss"), "two");
      await resign(calls, two);
      assert.equal(await refusal(leaderOf(calls, "boss")), "2 election: no leader");
      observed.cancel();
    },
  ],
  [
    "an election needs to know which leader speaks",
    async (calls) => {
      const wanted = '2 "leader" field must be provided';
      assert.equal(await refusal(proclaim(calls, undefined, "x")), wanted);
      assert.equal(await refusal(resign(calls, undefined)), wanted);
    },
  ],
];
