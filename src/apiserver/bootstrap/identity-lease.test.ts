import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import type { Lease } from "#api/generated/types/coordination-v1.ts";
import { internalError } from "#api/meta/status.ts";
import { leases } from "#api/resources.ts";
import { ManualClock, parseTime, settle, toRfc3339Micro } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { IdentityLease } from "./identity-lease.ts";

const serverId = "apiserver-abc";
const key = `kube-system/${serverId}`;
const labels = { "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": "one" };

async function start(api = new MemoryApi(), clock = new ManualClock()) {
  const options = { serverId, hostname: "one" };
  const deps = { client: api, clock, random: new SeededRandom(1), log: silentLogger };
  const stop = new IdentityLease(options, deps).start();
  await settle();
  const renewed = (): number => parseTime(api.get(leases, key)?.spec?.renewTime ?? "");
  return { api, clock, stop, renewed };
}

function leaseOf(name: string, spec: Lease["spec"], of: Record<string, string> = labels): Lease {
  return { metadata: { namespace: "kube-system", name, labels: of }, spec };
}

suite("identity lease", () => {
  test("it says whose it is, for an hour, and is renewed every ten seconds", async () => {
    const { api, clock, stop, renewed } = await start();
    const made = api.get(leases, key);
    assert.deepEqual(made?.metadata?.labels, labels);
    assert.equal(made.spec?.leaseDurationSeconds, 3600);
    assert.match(made.spec.holderIdentity ?? "", /^apiserver-abc_[0-9a-f-]{36}$/);
    const first = renewed();
    await clock.advance(9999);
    assert.equal(renewed(), first);
    await clock.advance(401);
    assert.ok(renewed() >= first + 10_000, `renewed after ${renewed() - first} ms`);
    await stop();
    const { length } = api.writes;
    await clock.advance(7_200_000);
    assert.equal(api.writes.length, length);
  });

  test("one that is there keeps its holder and what others said of it", async () => {
    const api = new MemoryApi();
    api.seed(leases, leaseOf(serverId, { holderIdentity: "before", leaseDurationSeconds: 7 }, { mine: "x" }));
    const { clock, stop, renewed } = await start(api);
    const taken = api.get(leases, key);
    assert.deepEqual(taken?.metadata?.labels, { mine: "x", ...labels });
    assert.equal(taken.spec?.holderIdentity, "before");
    assert.equal(taken.spec.leaseDurationSeconds, 3600);
    assert.equal(renewed(), clock.now());
    await stop();
  });

  test("written or removed by others, it is renewed all the same", async () => {
    const { api, clock, stop, renewed } = await start();
    const lease = api.get(leases, key);
    api.seed(leases, { ...lease, metadata: { ...lease?.metadata, annotations: { a: "b" } } });
    await clock.advance(10_400);
    assert.equal(api.get(leases, key)?.metadata?.annotations?.["a"], "b");
    assert.ok(renewed() > clock.now() - 10_400);
    api.remove(leases, key);
    await clock.advance(10_400);
    assert.ok(renewed() > clock.now() - 10_400);
    await stop();
  });

  test("while it can't be written it is tried again, ever more seldom", async () => {
    const api = new MemoryApi();
    const tries: number[] = [];
    const clock = new ManualClock();
    api.beforeWrite = () => {
      tries.push(clock.now());
      throw internalError("the store is away");
    };
    const { stop, renewed } = await start(api, clock);
    await clock.advance(27_000);
    const times = [...new Set(tries)];
    assert.equal(tries.length, 5 * times.length);
    assert.deepEqual(
      times.slice(1).map((at, index) => at - (times[index] ?? 0)),
      [200, 400, 800, 1600, 3200, 6400, 7000, 7000],
    );
    api.beforeWrite = () => undefined;
    await clock.advance(7000);
    assert.ok(!Number.isNaN(renewed()));
    await stop();
  });

  test("those that have run out go within an hour, of this component alone", async () => {
    const { api, clock, stop } = await start();
    const renewTime = toRfc3339Micro(clock.now());
    const spec = { renewTime, leaseDurationSeconds: 3600 };
    api.seed(
      leases,
      leaseOf("dead", spec),
      leaseOf("long", { renewTime, leaseDurationSeconds: 36_000 }),
      leaseOf("no-time", { leaseDurationSeconds: 3600 }),
      leaseOf("no-duration", { renewTime }),
      leaseOf("other", spec, { "apiserver.kubernetes.io/identity": "kube-other" }),
    );
    const there = (): string[] =>
      ["dead", "long", "no-time", "no-duration", "other", serverId].filter(
        (name) => api.get(leases, `kube-system/${name}`) !== undefined,
      );
    await clock.advance(3_600_000);
    assert.deepEqual(there(), ["dead", "long", "other", serverId]);
    await clock.advance(3_600_000);
    assert.deepEqual(there(), ["long", "other", serverId]);
    await stop();
  });

  test("one that can't be removed doesn't keep the others", async () => {
    const { api, clock, stop } = await start();
    api.seed(leases, leaseOf("first", {}), leaseOf("second", {}));
    api.beforeWrite = ({ verb, key: written }) => {
      if (verb === "delete" && written.endsWith("first")) throw internalError("no");
    };
    await clock.advance(3_600_000);
    assert.notEqual(api.get(leases, "kube-system/first"), undefined);
    assert.equal(api.get(leases, "kube-system/second"), undefined);
    await stop();
  });
});
