/**
 * A load on etcd's API of a server that will be killed, and what must hold afterwards: a transaction is there as a whole
 * or not at all, an acknowledged one is; no lease ends early, and none loses its key.
 */
import assert from "node:assert/strict";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { singleKey } from "../key-range.ts";
import { type KeyValueStore, type LeaseId, LeaseNotFoundError, type Operation } from "../kv.ts";
import type { Revision } from "../store.ts";
import { EtcdKeyValues } from "./etcd-key-values.ts";

const transactors = 4;
const leaseholders = 3;

/** What one transactor's keys hold: the same turn each. */
interface Written {
  attempted: number;
  acknowledged: number;
  revision: Revision;
}

interface Held {
  readonly seconds: number;
  /** When the grant, or the last keep-alive that was answered, was sent: so long it lasts at least. */
  since: number;
  /** Its key was acknowledged. */
  hasKey: boolean;
}

export class FaceLoad {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #written = new Map<number, Written>();
  readonly #held = new Map<LeaseId, Held>();
  /** In this round. */
  readonly #revoked = new Set<LeaseId>();
  #lastLease = 0n;
  #isOver = false;
  /** Of this round. */
  #acknowledged = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Until `end`; rejects when something is refused before that. */
  async run(address: string): Promise<void> {
    this.#isOver = false;
    this.#acknowledged = 0;
    using client = new EtcdKeyValues(address);
    await Promise.all([
      ...Array.from({ length: transactors }, (_, at) => this.#forever(() => this.#transact(client, at))),
      ...Array.from({ length: leaseholders }, () => this.#forever(() => this.#lease(client))),
    ]);
  }

  /** From here on errors are those of a server that is gone. */
  end(): void {
    this.#isOver = true;
  }

  async #forever(step: () => Promise<void>): Promise<void> {
    const isOver = (): boolean => this.#isOver;
    while (!isOver()) {
      try {
        await step();
        this.#acknowledged++;
      } catch (error) {
        if (!isOver()) throw error;
      }
    }
  }

  async #transact(client: KeyValueStore, at: number): Promise<void> {
    const written = this.#written.get(at) ?? { attempted: 0, acknowledged: 0, revision: 0n };
    this.#written.set(at, written);
    const turn = ++written.attempted;
    const put = (name: string): Operation => ({
      kind: "put",
      put: { key: keyOf(at, name), value: Buffer.from(String(turn)) },
    });
    const third: Operation =
      turn % 3 === 0 ? { kind: "delete", deletion: { range: singleKey(keyOf(at, "c")) } } : put("c");
    const answer = await client.transact({ compare: [], success: [put("a"), put("b"), third], failure: [] });
    written.acknowledged = turn;
    written.revision = answer.revision;
  }

  async #lease(client: KeyValueStore): Promise<void> {
    const choice = this.#random.next();
    const ids = [...this.#held.keys()];
    const id = ids[Math.floor(this.#random.next() * ids.length)];
    const held = id === undefined ? undefined : this.#held.get(id);
    if (id === undefined || held === undefined || choice < 0.3) await this.#grant(client);
    else if (choice < 0.9) await this.#keepAlive(client, id, held);
    else await this.#revoke(client, id, held);
  }

  async #grant(client: KeyValueStore): Promise<void> {
    const id = ++this.#lastLease;
    const held = {
      seconds: 2 + Math.floor(this.#random.next() * 60),
      since: this.#clock.monotonic(),
      hasKey: false,
    };
    await client.grantLease(id, BigInt(held.seconds));
    this.#held.set(id, held);
    try {
      await client.put({ key: leaseKey(id), value: Buffer.from("held"), lease: id });
      held.hasKey = true;
    } catch (error) {
      this.#excuse(error, id, held);
    }
  }

  async #keepAlive(client: KeyValueStore, id: LeaseId, held: Held): Promise<void> {
    const sent = this.#clock.monotonic();
    try {
      await client.keepLeaseAlive(id);
      if (sent > held.since) held.since = sent;
    } catch (error) {
      this.#excuse(error, id, held);
    }
  }

  async #revoke(client: KeyValueStore, id: LeaseId, held: Held): Promise<void> {
    // Nobody knows how it stands until the answer is there.
    this.#held.delete(id);
    try {
      await client.revokeLease(id);
      this.#revoked.add(id);
    } catch (error) {
      this.#excuse(error, id, held);
    }
  }

  /** A lease may be gone once its time is over, or when another of us has revoked it. */
  #excuse(error: unknown, id: LeaseId, held: Held): void {
    if (!(error instanceof LeaseNotFoundError)) throw error;
    const left = held.since + held.seconds * 1000 - this.#clock.monotonic();
    assert.ok(left <= 0 || this.#held.get(id) !== held, `lease ${id} ended ${left} ms early`);
    this.#held.delete(id);
  }

  /** By the store that was opened after the kill. */
  async check(store: KeyValueStore): Promise<void> {
    for (const [at, written] of this.#written) await checkWritten(store, at, written);
    for (const [id, held] of this.#held) await this.#checkHeld(store, id, held);
    for (const id of this.#revoked) {
      assert.equal(await store.lease(id), undefined, `lease ${id} was revoked`);
      assert.equal(
        (await store.range({ range: singleKey(leaseKey(id)) })).count,
        0,
        `the key of lease ${id}`,
      );
    }
    this.#revoked.clear();
  }

  async #checkHeld(store: KeyValueStore, id: LeaseId, { seconds, since, hasKey }: Held): Promise<void> {
    const lease = await store.lease(id);
    const left = since + seconds * 1000 - this.#clock.monotonic();
    if (lease === undefined) {
      assert.ok(left <= 0, `lease ${id} ended ${left} ms early`);
      this.#held.delete(id);
      return;
    }
    assert.equal(lease.grantedSeconds, BigInt(seconds));
    assert.ok(lease.remainingMs >= left, `lease ${id} has ${lease.remainingMs} ms left, must have ${left}`);
    if (!hasKey) return;
    assert.ok(lease.keys.includes(leaseKey(id)), `lease ${id} has lost its key`);
    const [entry] = (await store.range({ range: singleKey(leaseKey(id)) })).entries;
    assert.equal(entry?.lease, id, `the key of lease ${id}`);
  }
}

function keyOf(at: number, name: string): string {
  return `/t/${at}/${name}`;
}

function leaseKey(id: LeaseId): string {
  return `/l/${id}`;
}

async function checkWritten(store: KeyValueStore, at: number, written: Written): Promise<void> {
  const read = async (name: string): Promise<readonly [turn: number, revision: Revision] | undefined> => {
    const [entry] = (await store.range({ range: singleKey(keyOf(at, name)) })).entries;
    return entry === undefined ? undefined : [Number(entry.value), entry.modRevision];
  };
  const a = await read("a");
  const [turn, revision] = a ?? [0, 0n];
  const { acknowledged, attempted } = written;
  assert.ok(
    turn >= acknowledged && turn <= attempted,
    `turn ${acknowledged} was acknowledged, ${turn} is there`,
  );
  if (turn === acknowledged) assert.equal(revision, written.revision);
  assert.deepEqual(await read("b"), a, `half of turn ${turn}`);
  assert.deepEqual(await read("c"), turn % 3 === 0 ? undefined : a, `half of turn ${turn}`);
}
