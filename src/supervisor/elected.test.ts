import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { aborted } from "#base/abort.ts";
import { ManualClock, settle } from "#base/clock.ts";
import type { Component } from "#base/component.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Lease } from "#api/generated/types/coordination-v1.ts";
import { events, leases } from "#api/resources.ts";
import { createFakeClient, type FakeClient } from "#client/testing/fake-transport.ts";
import { electedComponent, serverIdentity } from "./elected.ts";

interface Server {
  /** What it said, and what the parts of all terms did: "ready", "1 runs", "1 stops". */
  readonly told: readonly string[];
  readonly ended: Promise<string>;
  stop(): void;
}

interface World extends FakeClient {
  readonly clock: ManualClock;
  start(identity: string, fail?: Error): Promise<Server>;
  lease(): Promise<Lease>;
}

function world(t: TestContext): World {
  const clock = new ManualClock();
  const fake = createFakeClient({ clock });
  const deps = { client: fake.client, clock, random: new SeededRandom(3), log: silentLogger };
  const start = async (identity: string, fail?: Error): Promise<Server> => {
    const abort = new AbortController();
    t.after(() => {
      abort.abort();
    });
    const told: string[] = [];
    let terms = 0;
    const part = (term: number): Component => ({
      name: "part",
      run: async (signal, ready) => {
        if (fail !== undefined) throw fail;
        told.push(`${term} runs`);
        ready();
        await aborted(signal);
        told.push(`${term} stops`);
      },
    });
    const component = electedComponent(
      { name: "kube-scheduler", identity, eventSource: "default-scheduler", stopMaxMs: 1000 },
      deps,
      () => [part(++terms)],
    );
    const server: Server = {
      told,
      stop: () => {
        abort.abort();
      },
      ended: component
        .run(abort.signal, () => {
          told.push("ready");
        })
        .then(() => "stopped", String),
    };
    await settle();
    return server;
  };
  return {
    ...fake,
    clock,
    start,
    lease: () => fake.client.resource(leases, "kube-system").get("kube-scheduler"),
  };
}

test("one of two servers runs it, without waiting when nobody did; the other goes on when the first stops", async (t) => {
  const w = world(t);
  const a = await w.start("a");
  const b = await w.start("b");
  await w.clock.advance(60_000);
  assert.deepEqual([a.told, b.told], [["ready", "1 runs"], ["ready"]]);
  a.stop();
  assert.equal(await a.ended, "stopped");
  assert.deepEqual(a.told, ["ready", "1 runs", "1 stops"]);
  await w.clock.advance(2400);
  assert.deepEqual(b.told, ["ready", "1 runs"]);
});

test("a lost lease ends the term; when it is held again, new parts run", async (t) => {
  const w = world(t);
  const a = await w.start("a");
  const heal = w.api.intercept(() => new Error("connection refused"));
  await w.clock.advance(10_100);
  assert.deepEqual(a.told, ["ready", "1 runs", "1 stops"]);
  await w.clock.advance(20_000);
  assert.deepEqual(a.told, ["ready", "1 runs", "1 stops"]);
  heal();
  await w.clock.advance(2400);
  assert.deepEqual(a.told, ["ready", "1 runs", "1 stops", "2 runs"]);
  a.stop();
  assert.equal(await a.ended, "stopped");
});

test("a server that was killed goes on at once under its own name; another waits until the lease ran out", async (t) => {
  const w = world(t);
  await w.client.resource(leases, "kube-system").create({
    metadata: { name: "kube-scheduler" },
    spec: { holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 4 },
  });
  const b = await w.start("b");
  const a = await w.start("a");
  assert.deepEqual([a.told, b.told], [["ready", "1 runs"], ["ready"]]);
  const { spec } = await w.lease();
  assert.deepEqual([spec?.holderIdentity, spec?.leaseTransitions], ["a", 4]);
});

test("a part that fails takes its server with it, and says which it was", async (t) => {
  const w = world(t);
  const a = await w.start("a", new Error("out of luck"));
  assert.equal(await a.ended, "ComponentError: part failed");
  assert.equal((await w.lease()).spec?.holderIdentity, "");
});

test("who leads is told as an event of the Lease", async (t) => {
  const w = world(t);
  const a = await w.start("a");
  a.stop();
  await a.ended;
  const { items } = await w.client.resource(events, "kube-system").list();
  assert.deepEqual(
    items.map(({ involvedObject, reason, message, source }) => [
      `${involvedObject.apiVersion ?? ""} ${involvedObject.kind ?? ""} ${involvedObject.name ?? ""}`,
      reason,
      message,
      source?.component,
    ]),
    ["became leader", "stopped leading"].map((what) => [
      "coordination.k8s.io/v1 Lease kube-scheduler",
      "LeaderElection",
      `a ${what}`,
      "default-scheduler",
    ]),
  );
});

test("a server's identity is its data directory's, at every start", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "identity-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "server", "identity");
  const first = await serverIdentity(path, "node-1", new SeededRandom(1));
  assert.match(first, /^node-1_[0-9a-f-]{36}$/);
  assert.equal(await serverIdentity(path, "node-1", new SeededRandom(2)), first);
  assert.notEqual(await serverIdentity(`${path}-2`, "node-1", new SeededRandom(2)), first);
});
