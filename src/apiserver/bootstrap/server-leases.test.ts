import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { CacheFeed } from "#apiserver/registry/cache-feed.ts";
import { openMemoryStore } from "#store/memory.ts";
import { StoreUnreachableError, type Store } from "#store/store.ts";
import { systemRandom } from "#base/random.ts";
import { ServerLeases, serverLeasesPath } from "./server-leases.ts";

const clock = (): ManualClock => new ManualClock();

/** One server's view of the store. */
async function join(
  t: TestContext,
  at: { store: Store; clock: ManualClock; address: string | undefined; hash?: () => string },
) {
  const feed = new CacheFeed({ ...at, random: systemRandom, log: silentLogger });
  const cache = feed.cache(serverLeasesPath, false);
  const stop = new AbortController();
  const filled = Promise.withResolvers<void>();
  const running = feed.run(stop.signal, filled.resolve);
  await filled.promise;
  t.after(async () => {
    stop.abort();
    await running;
  });
  const changes: string[] = [];
  const own = at.address === undefined ? undefined : { address: at.address, port: 6443 };
  const leases = new ServerLeases(own, {
    ...at,
    cache,
    log: silentLogger,
    encryptionHash: at.hash ?? (() => ""),
    changed: () => changes.push(shown(leases)),
  });
  await leases.start();
  await settle();
  return { leases, changes };
}

const shown = ({ servers }: ServerLeases): string => servers.map(({ address }) => address).join();

test("servers come, stay, and go", async (t) => {
  const at = { clock: clock(), store: openMemoryStore({ clock: clock(), log: silentLogger }) };
  const one = await join(t, { ...at, address: "10.0.0.1" });
  const two = await join(t, { ...at, address: "10.0.0.2" });
  const watcher = await join(t, { ...at, address: undefined });
  for (const { leases } of [one, two, watcher]) assert.equal(shown(leases), "10.0.0.1,10.0.0.2");
  await at.clock.advance(120_000);
  for (const { leases } of [one, two, watcher]) assert.equal(shown(leases), "10.0.0.1,10.0.0.2");
  await two.leases.stop();
  await settle();
  assert.equal(shown(one.leases), "10.0.0.1");
  assert.deepEqual(one.changes.slice(-2), ["10.0.0.1,10.0.0.2", "10.0.0.1"]);
  await one.leases.stop();
  await watcher.leases.stop();
});

test("each tells which encryption configuration it has read, at once", async (t) => {
  const at = { clock: clock(), store: openMemoryStore({ clock: clock(), log: silentLogger }) };
  let hash = "old";
  const one = await join(t, { ...at, address: "10.0.0.1", hash: () => "old" });
  const two = await join(t, { ...at, address: "10.0.0.2", hash: () => hash });
  const hashes = (): string[] => one.leases.servers.map(({ encryptionHash }) => encryptionHash);
  assert.deepEqual(hashes(), ["old", "old"]);
  const told = one.changes.length;
  hash = "new";
  await two.leases.renew();
  await settle();
  assert.deepEqual(hashes(), ["old", "new"]);
  assert.equal(one.changes.length, told + 1);
  await at.clock.advance(60_000);
  assert.equal(one.changes.length, told + 1);
  await one.leases.stop();
  await two.leases.stop();
});

test("one that is no longer heard of is removed after its time", async (t) => {
  const at = { clock: clock(), store: openMemoryStore({ clock: clock(), log: silentLogger }) };
  const one = await join(t, { ...at, address: "10.0.0.1" });
  await at.store.create(
    "/registry/masterleases/10.0.0.9:6443",
    Buffer.from('{"address":"10.0.0.9","port":6443}'),
  );
  await settle();
  assert.equal(shown(one.leases), "10.0.0.1,10.0.0.9");
  await at.clock.advance(10_000);
  assert.equal(shown(one.leases), "10.0.0.1,10.0.0.9");
  await at.clock.advance(10_000);
  assert.equal(shown(one.leases), "10.0.0.1");
  await one.leases.stop();
});

test("while the store is away nobody's time runs", async (t) => {
  const at = { clock: clock(), store: openMemoryStore({ clock: clock(), log: silentLogger }) };
  let isAway = false;
  const store = new Proxy(at.store, {
    get: (target, name) => {
      if (isAway && name === "get") return () => Promise.reject(new StoreUnreachableError("etcd", "away"));
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const one = await join(t, { clock: at.clock, store, address: "10.0.0.1" });
  await at.store.create(
    "/registry/masterleases/10.0.0.9:6443",
    Buffer.from('{"address":"10.0.0.9","port":6443}'),
  );
  await settle();
  isAway = true;
  await at.clock.advance(600_000);
  isAway = false;
  await at.clock.advance(10_000);
  assert.equal(shown(one.leases), "10.0.0.1,10.0.0.9");
  await at.clock.advance(20_000);
  assert.equal(shown(one.leases), "10.0.0.1");
  await one.leases.stop();
});
