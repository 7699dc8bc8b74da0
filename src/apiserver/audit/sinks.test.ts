/** How events reach who is told of them: at once or in batches, whole or cut. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import { fixedIdentity } from "#client/identity.ts";
import { Auditor, AuditLostError } from "./auditor.ts";
import { BufferedSink } from "./buffered-sink.ts";
import type { AuditEvent } from "./event.ts";
import { BlockingSink, type AuditBackend } from "./sink.ts";
import {
  event,
  jane,
  KeptEvents,
  policyOf,
  read,
  requestOf,
  unmeasured,
  written,
} from "./testing/auditing.ts";
import { TruncatingSink } from "./truncating-sink.ts";
import { WebhookBackend } from "./webhook-backend.ts";

/** Tells what it got, as often as it is to succeed. */
class FakeBackend implements AuditBackend {
  readonly batches: string[][] = [];
  isWell = true;
  ready(): Promise<void> {
    return Promise.resolve();
  }
  deliver(events: readonly AuditEvent[]): Promise<boolean> {
    this.batches.push(events.map(({ auditID }) => auditID));
    return Promise.resolve(this.isWell);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

test("only where a loss counts is a request refused for it", async () => {
  for (const [until, isRefused] of [
    ["room", false],
    ["delivery", false],
    ["success", true],
  ] as const) {
    const registry = new Registry();
    const backend = new FakeBackend();
    const auditor = new Auditor(policyOf([{ level: "Metadata" }]), {
      sinks: [new BlockingSink({ until }, backend)],
      clock: new ManualClock(),
      read,
      written,
      metrics: new AuditMetrics(registry),
    });
    const record = await auditor.begin(requestOf({}), jane);
    backend.isWell = false;
    await record?.complete(200, undefined);
    const refused = auditor.begin(requestOf({}), jane);
    if (isRefused) await assert.rejects(refused, AuditLostError);
    else assert.notEqual(await refused, undefined);
    assert.match(
      await registry.metrics(),
      new RegExp(`^apiserver_audit_requests_rejected_total ${isRefused ? 1 : 0}$`, "m"),
    );
  }
});

test("batches go out when they are full or old enough, as often as the throttle lets them, and what doesn't fit is lost", async () => {
  const registry = new Registry();
  const clock = new ManualClock();
  const backend = new FakeBackend();
  const sink = new BufferedSink(
    { bufferMax: 3, batchMax: 2, batchWaitMs: 1000, throttle: { perSecond: 0.1, burst: 1 }, underWayMax: 1 },
    { backend, clock, log: silentLogger, metrics: new AuditMetrics(registry) },
  );
  sink.write(event(1));
  await clock.advance(1000);
  assert.deepEqual(backend.batches, [["1"]]);
  for (const n of [2, 3, 4, 5]) sink.write(event(n));
  await clock.advance(5000);
  assert.equal(backend.batches.length, 1, "the throttle holds it");
  await clock.advance(10_000);
  assert.deepEqual(backend.batches.slice(1), [["2", "3"]]);
  await sink.close();
  assert.deepEqual(backend.batches.slice(2), [["4"]]);
  assert.match(await registry.metrics(), /^apiserver_audit_error_total\{plugin="buffered"\} 1$/m);
});

test("an event that comes as the last batch has just gone out goes out, too", async () => {
  const backend = new FakeBackend();
  const sink = new BufferedSink(
    { bufferMax: 3, batchMax: 1, batchWaitMs: 1000, throttle: undefined, underWayMax: 1 },
    { backend, clock: new ManualClock(), log: silentLogger, metrics: unmeasured() },
  );
  // Written one step after another, so that one of them hits upon the end of the one before.
  for (let steps = 0; steps < 12; steps++) {
    sink.write(event(2 * steps));
    for (let step = 0; step < steps; step++) await Promise.resolve();
    sink.write(event(2 * steps + 1));
    for (let step = 0; step < 20; step++) await Promise.resolve();
    assert.equal(backend.batches.length, 2 * steps + 2, `${steps} steps`);
  }
  await sink.close();
});

test("a batch that takes its time holds back no other until so many are under way; at the end all are waited for", async () => {
  const clock = new ManualClock();
  const out: string[] = [];
  const arrive = new Map<string, (isWell: boolean) => void>();
  const backend: AuditBackend = {
    ready: () => Promise.resolve(),
    deliver: (events) => {
      const arrived = Promise.withResolvers<boolean>();
      const ids = events.map(({ auditID }) => auditID).join();
      out.push(ids);
      arrive.set(ids, arrived.resolve);
      return arrived.promise;
    },
    close: () => Promise.resolve(),
  };
  const sink = new BufferedSink(
    { bufferMax: 10, batchMax: 1, batchWaitMs: 1000, throttle: undefined, underWayMax: 2 },
    { backend, clock, log: silentLogger, metrics: unmeasured() },
  );
  for (const n of [1, 2, 3]) sink.write(event(n));
  await settle();
  assert.deepEqual(out, ["1", "2"]);
  arrive.get("2")?.(true);
  await settle();
  assert.deepEqual(out, ["1", "2", "3"]);
  let isClosed = false;
  const closing = sink.close().then(() => {
    isClosed = true;
  });
  arrive.get("3")?.(true);
  await settle();
  assert.equal(isClosed, false);
  arrive.get("1")?.(false);
  await closing;
});

test("large events lose their objects, larger ones are lost", () => {
  const registry = new Registry();
  const kept = new KeptEvents();
  const deps = { log: silentLogger, metrics: new AuditMetrics(registry) };
  const sink = new TruncatingSink({ eventMaxBytes: 200 }, kept, deps);
  const large = {
    ...event(1),
    level: "RequestResponse",
    requestObject: { x: "y".repeat(200) },
  } as AuditEvent;
  void sink.write(large);
  void sink.write({ ...large, level: "Metadata" });
  void sink.write({ ...large, userAgent: "z".repeat(200) });
  void sink.write(event(2));
  assert.deepEqual(kept.events, [
    {
      ...event(1),
      level: "RequestResponse",
      requestObject: undefined,
      responseObject: undefined,
      annotations: { "audit.k8s.io/truncated": "true" },
    },
    event(2),
  ]);
  return registry.metrics().then((text) => {
    assert.match(text, /^apiserver_audit_error_total\{plugin="truncate"\} 2$/m);
  });
});

test("a webhook gets what is told in batches, and again when it failed", async () => {
  const got: AuditEvent[][] = [];
  let failures = 1;
  const arrived = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      if (failures-- > 0) {
        response.writeHead(503).end("later");
        return;
      }
      got.push((body as { items: AuditEvent[] }).items);
      response.end();
      arrived.resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  const access = {
    options: { server: `http://127.0.0.1:${port}/audit` },
    identity: fixedIdentity({}),
    namespace: "default",
  };
  const slept = Promise.withResolvers<number>();
  const impatient = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms: number, run: () => void) => clock.after(ms, run),
    sleep: (ms: number) => {
      slept.resolve(ms);
      return Promise.resolve();
    },
  };
  const random = { ...systemRandom, next: () => 0.5 };
  const deps = { clock: impatient, random, log: silentLogger, metrics: unmeasured() };
  const hook = new KubeconfigHook(access, systemClock);
  const backend = new WebhookBackend({ initialBackoffMs: 10_000 }, { ...deps, hook });
  const sink = new BufferedSink(
    { bufferMax: 10, batchMax: 4, batchWaitMs: 30_000, throttle: undefined, underWayMax: 1 },
    { ...deps, backend },
  );
  sink.write(event(1));
  sink.write(event(2));
  assert.equal(got.length, 0);
  await clock.advance(30_000);
  // Half of the fifth that chance may add.
  assert.equal(await slept.promise, 11_000);
  await arrived.promise;
  assert.deepEqual(
    got.map((items) => items.map(({ auditID }) => auditID)),
    [["1", "2"]],
  );
  sink.write(event(3));
  await sink.close();
  assert.deepEqual(
    got[1]?.map(({ auditID }) => auditID),
    ["3"],
  );
  await new Promise((resolve) => server.close(resolve));
});
