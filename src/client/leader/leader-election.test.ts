import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { aborted } from "#base/abort.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Lease } from "#api/generated/types/coordination-v1.ts";
import { leases } from "#api/resources.ts";
import { createFakeClient, type FakeClient } from "../testing/fake-transport.ts";
import { LeaderElector, LeaseLostError } from "./leader-election.ts";

interface Candidate {
  readonly ended: Promise<string>;
  readonly stop: () => void;
  isLeading: boolean;
}

interface World extends FakeClient {
  readonly clock: ManualClock;
  start(identity: string): Promise<Candidate>;
  lease(): Promise<Lease>;
}

function world(t: TestContext): World {
  const clock = new ManualClock();
  const fake = createFakeClient({ clock });
  const start = async (identity: string): Promise<Candidate> => {
    const abort = new AbortController();
    t.after(() => {
      abort.abort();
    });
    const elector = new LeaderElector(
      { namespace: "kube-system", name: "one", identity },
      { client: fake.client, clock, random: new SeededRandom(3), log: silentLogger },
    );
    const candidate: Candidate = {
      isLeading: false,
      stop: () => {
        abort.abort();
      },
      ended: elector
        .run(abort.signal, async (signal) => {
          candidate.isLeading = true;
          await aborted(signal);
          candidate.isLeading = false;
        })
        .then(
          () => "stopped",
          (error: unknown) => (error instanceof LeaseLostError ? "lost" : String(error)),
        ),
    };
    await settle();
    return candidate;
  };
  return { ...fake, clock, start, lease: () => fake.client.resource(leases, "kube-system").get("one") };
}

test("one leads; the other follows at once when the first stops and gives the lease back", async (t) => {
  const w = world(t);
  const a = await w.start("a");
  const b = await w.start("b");
  await w.clock.advance(60_000);
  assert.deepEqual([a.isLeading, b.isLeading], [true, false]);
  assert.equal((await w.lease()).spec?.leaseTransitions, 0);
  a.stop();
  assert.equal(await a.ended, "stopped");
  assert.equal((await w.lease()).spec?.holderIdentity, "");
  await w.clock.advance(2400);
  assert.equal(b.isLeading, true);
  const { spec } = await w.lease();
  assert.deepEqual([spec?.holderIdentity, spec?.leaseTransitions, spec?.leaseDurationSeconds], ["b", 1, 15]);
});

test("a leader that can't renew stops after 10 s, before anybody else may begin", async (t) => {
  const w = world(t);
  const a = await w.start("a");
  const b = await w.start("b");
  const heal = w.api.intercept((request) => {
    const spec = (request.body as Lease | undefined)?.spec;
    return spec?.holderIdentity === "a" ? new Error("connection refused") : undefined;
  });
  await w.clock.advance(9900);
  assert.equal(a.isLeading, true);
  await w.clock.advance(200);
  assert.deepEqual([a.isLeading, b.isLeading], [false, false]);
  assert.equal(await a.ended, "lost");
  await w.clock.advance(8000);
  assert.equal(b.isLeading, true);
  heal();
});

test("the holder's own times count for nothing: its clock may be wrong", async (t) => {
  const w = world(t);
  await w.client.resource(leases, "kube-system").create({
    metadata: { name: "one" },
    spec: { holderIdentity: "dead", leaseDurationSeconds: 15, renewTime: "2001-01-01T00:00:00.000000Z" },
  });
  const a = await w.start("a");
  await w.clock.advance(14_900);
  assert.equal(a.isLeading, false);
  await w.clock.advance(3000);
  assert.equal(a.isLeading, true);
});

test("a leader that lost its place to another stops", async (t) => {
  const w = world(t);
  const a = await w.start("a");
  const lease = await w.lease();
  await w.client
    .resource(leases, "kube-system")
    .update({ ...lease, spec: { ...lease.spec, holderIdentity: "thief" } });
  await w.clock.advance(10_100);
  assert.equal(a.isLeading, false);
  assert.equal(await a.ended, "lost");
  assert.equal((await w.lease()).spec?.holderIdentity, "thief");
});

test("two that begin together: one leads", async (t) => {
  const w = world(t);
  const [a, b] = await Promise.all([w.start("a"), w.start("b")]);
  await w.clock.advance(30_000);
  assert.equal(Number(a.isLeading) + Number(b.isLeading), 1);
});

test("a candidate that is stopped while waiting ends quietly", async (t) => {
  const w = world(t);
  await w.start("a");
  const b = await w.start("b");
  b.stop();
  assert.equal(await b.ended, "stopped");
  assert.equal((await w.lease()).spec?.holderIdentity, "a");
});
