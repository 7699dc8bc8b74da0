import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Registry } from "prom-client";
import { ManualClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { fixedIdentity } from "#client/identity.ts";
import { auditIdOf, Auditor, AuditLostError, type AuditedRequest } from "./auditor.ts";
import { BufferedSink } from "./buffered-sink.ts";
import type { AuditEvent } from "./event.ts";
import { eventLine } from "./event-line.ts";
import { openLogBackend } from "./log-backend.ts";
import { parseAuditPolicy } from "./policy.ts";
import { BlockingSink, type AuditBackend, type AuditSink } from "./sink.ts";
import { TruncatingSink } from "./truncating-sink.ts";
import { WebhookBackend } from "./webhook-backend.ts";

const unmeasured = (): AuditMetrics => new AuditMetrics(new Registry());

const policyOf = (rules: unknown, more: object = {}): ReturnType<typeof parseAuditPolicy> =>
  parseAuditPolicy("f", JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules, ...more }));

const infoOf = (method: string, path: string): ReturnType<typeof parseRequestInfo> =>
  parseRequestInfo(method, path, new URLSearchParams());
const jane = { name: "jane", groups: ["dev", "system:authenticated"] };

class KeptEvents implements AuditSink {
  readonly events: AuditEvent[] = [];
  ready(): Promise<void> {
    return Promise.resolve();
  }
  write(event: AuditEvent): undefined {
    this.events.push(event);
    return undefined;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const requestOf = (more: Partial<AuditedRequest> = {}): AuditedRequest => ({
  auditId: "id",
  info: infoOf("POST", "/api/v1/namespaces/a/configmaps"),
  uri: "/api/v1/namespaces/a/configmaps?fieldManager=x",
  sourceIps: ["127.0.0.1"],
  userAgent: "kubectl",
  ...more,
});

const configMap = { kind: "ConfigMap", metadata: { name: "m", managedFields: [{}] } };
const read = (_: string, bytes: Buffer): unknown => JSON.parse(bytes.toString());
const written = <T>(object: T): T => object;

interface Course {
  readonly request?: Partial<AuditedRequest>;
  readonly body?: string;
  readonly impersonated?: UserInfo;
}

function auditorOf(rule: object): { auditor: Auditor; events: readonly AuditEvent[]; clock: ManualClock } {
  const sink = new KeptEvents();
  const clock = new ManualClock();
  const auditor = new Auditor(policyOf([rule]), {
    sinks: [sink],
    clock,
    read,
    written,
    metrics: unmeasured(),
  });
  return { auditor, events: sink.events, clock };
}

async function told(
  rule: object,
  { request, body, impersonated }: Course = {},
): Promise<readonly AuditEvent[]> {
  const { auditor, events, clock } = auditorOf(rule);
  const record = await auditor.begin(requestOf(request), jane);
  await clock.advance(1000);
  if (impersonated !== undefined) record?.actsAs(impersonated);
  if (body === undefined) record?.sent(configMap);
  else if (record !== undefined) {
    record.body = () => ({ contentType: "", bytes: () => Promise.resolve(Buffer.from(body)) });
  }
  record?.annotate("a", "1");
  record?.annotate("a", "2");
  await record?.complete(201, {
    kind: "object",
    status: 201,
    object: { kind: "ConfigMap", metadata: { name: "m", uid: "u", resourceVersion: "7" } },
  });
  return events;
}

async function toldRequest(method: string, body: string): Promise<unknown> {
  const info = infoOf(method, "/api/v1/namespaces/a/configmaps/m");
  return (await told({ level: "Request" }, { request: { info }, body }))[1]?.requestObject;
}

const refusal = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" } as const;

suite("what is told", () => {
  test("metadata: who did what to which, when, and what came of it", async () => {
    const [received, complete] = await told({ level: "Metadata" });
    assert.equal(received?.stage, "RequestReceived");
    assert.equal(received.annotations, undefined);
    assert.equal(received.objectRef?.["name"], undefined);
    assert.equal(received.stageTimestamp, received.requestReceivedTimestamp);
    assert.deepEqual(complete, {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "Metadata",
      auditID: "id",
      stage: "ResponseComplete",
      requestURI: "/api/v1/namespaces/a/configmaps?fieldManager=x",
      verb: "create",
      user: { username: "jane", groups: ["dev", "system:authenticated"] },
      sourceIPs: ["127.0.0.1"],
      userAgent: "kubectl",
      objectRef: {
        resource: "configmaps",
        namespace: "a",
        name: "m",
        apiVersion: "v1",
      },
      responseStatus: { metadata: {}, code: 201 },
      requestObject: undefined,
      responseObject: undefined,
      requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
      stageTimestamp: "2026-01-01T00:00:01.000000Z",
      annotations: { a: "1" },
    });
  });

  test("the objects, by level, without managed fields where that is asked for", async () => {
    const [, request] = await told({ level: "Request" });
    assert.deepEqual(request?.requestObject, configMap);
    assert.equal(request.responseObject, undefined);
    const [, both] = await told({ level: "RequestResponse", omitManagedFields: true });
    assert.deepEqual(both?.requestObject, { kind: "ConfigMap", metadata: { name: "m" } });
    assert.equal((both.responseObject as { kind: string }).kind, "ConfigMap");
  });

  test("not the stages that are left out, and nothing at level None", async () => {
    const events = await told({ level: "Metadata", omitStages: ["RequestReceived"] });
    assert.deepEqual(
      events.map(({ stage }) => stage),
      ["ResponseComplete"],
    );
    assert.deepEqual(await told({ level: "None" }), []);
  });

  test("patches and options of deletions as they came, and nothing that can't be read", async () => {
    assert.deepEqual(await toldRequest("PATCH", '[{"op":"test"}]'), [{ op: "test" }]);
    const options = { kind: "DeleteOptions", apiVersion: "v1", dryRun: [] };
    assert.deepEqual(await toldRequest("DELETE", '{"dryRun":[]}'), options);
    assert.equal(await toldRequest("DELETE", ""), undefined);
    assert.equal(await toldRequest("PATCH", "{"), undefined);
    // A body that goes on to somebody else isn't ours to tell.
    assert.equal(await toldRequest("POST", "{}"), undefined);
  });

  test("what was sent is told as it was before admission changed it", async () => {
    const { auditor, events } = auditorOf({ level: "Request" });
    const record = await auditor.begin(requestOf(), jane);
    const object = { ...configMap, metadata: { name: "m", uid: "u", resourceVersion: "7" } };
    record?.sent(object);
    object.metadata.name = "changed";
    const reason = "Conflict";
    const details = { name: "m", kind: "configmaps" };
    await record?.complete(409, {
      ...refusal,
      message: "no",
      reason,
      details,
    });
    const { requestObject, objectRef, responseStatus } = events[1] ?? {};
    assert.deepEqual(requestObject, { ...object, metadata: { ...object.metadata, name: "m" } });
    assert.deepEqual(
      [objectRef?.["name"], objectRef?.["uid"], objectRef?.["resourceVersion"]],
      ["m", "u", "7"],
    );
    const expected = { metadata: {}, status: "Failure", message: "no", reason, details, code: 409 };
    assert.deepEqual(responseStatus, expected);
  });

  test("what lasts is told when it begins, and when it fails to", async () => {
    const info = infoOf("POST", "/api/v1/namespaces/a/pods/x/exec");
    for (const begins of [true, false]) {
      const { auditor, events } = auditorOf({ level: "Metadata" });
      const record = await auditor.begin(requestOf({ info }), jane);
      if (begins) record?.started(101);
      const code = begins ? 101 : 403;
      await record?.complete(code, begins ? undefined : { ...refusal, code });
      const stages = events.map(({ stage, responseStatus }) => [stage, responseStatus?.code]);
      assert.deepEqual(stages.slice(1), [
        ["ResponseStarted", code],
        ["ResponseComplete", code],
      ]);
    }
  });

  test("one event of who isn't known, unless only of others is told", async () => {
    const status = { ...refusal, reason: "Unauthorized", code: 401 };
    for (const [rule, count] of [
      [{}, 1],
      [{ users: ["jane"] }, 0],
      [{ userGroups: ["dev"] }, 0],
    ] as const) {
      const { auditor, events } = auditorOf({ level: "Metadata", ...rule });
      await auditor.unknown(requestOf(), status);
      assert.equal(events.length, count);
      for (const { stage, user, responseStatus } of events) {
        assert.equal(stage, "ResponseStarted");
        assert.deepEqual(user, {});
        assert.equal(responseStatus?.code, 401);
      }
    }
  });

  test("who is impersonated", async () => {
    const impersonated = { name: "joe", groups: [] };
    const [received, complete] = await told({ level: "Metadata" }, { impersonated });
    assert.equal(received?.impersonatedUser, undefined);
    assert.deepEqual(complete?.impersonatedUser, { username: "joe" });
  });
});

test("the client's id is taken when it is one", () => {
  const random = new SeededRandom(1);
  assert.equal(auditIdOf("abc-1", random), "abc-1");
  for (const bad of ["", "a b", "x".repeat(65), 'a"b']) {
    assert.match(auditIdOf(bad, random), /^[0-9a-f-]{36}$/);
  }
});

const event = (n: number): AuditEvent => ({ auditID: String(n) }) as AuditEvent;

const logOptions = {
  format: "json",
  sizeMaxBytes: 0,
  backupsMax: 0,
  ageMaxMs: 0,
  isCompressing: false,
} as const;

test("a log that grows too big is put aside, and only so many are kept", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-audit-"));
  try {
    const clock = new ManualClock();
    const path = join(directory, "audit.log");
    const options = { ...logOptions, path, sizeMaxBytes: 40, backupsMax: 2 };
    const backend = await openLogBackend(options, { clock, log: silentLogger, metrics: unmeasured() });
    const sink = new BlockingSink({ until: "room" }, backend);
    for (let n = 0; n < 12; n++) {
      await sink.ready();
      void sink.write(event(n));
      await clock.advance(1000);
    }
    await sink.close();
    const names = (await readdir(directory)).toSorted();
    assert.equal(names.length, 3);
    assert.match(names[0] ?? "", /^audit-2026-01-01T00-00-\d\d\.000\.log$/);
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    const ids = texts
      .join("")
      .trim()
      .split("\n")
      .map((line) => Number((JSON.parse(line) as AuditEvent).auditID));
    // The newest, each once and in order; the oldest went with their files.
    assert.deepEqual(
      ids,
      Array.from({ length: ids.length }, (_, at) => 12 - ids.length + at),
    );
    assert.ok(ids.length >= 6 && ids.length < 12, ids.join());
  } finally {
    await rm(directory, { recursive: true });
  }
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
  const slept = Promise.withResolvers<void>();
  const impatient = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms: number, run: () => void) => clock.after(ms, run),
    sleep: () => {
      slept.resolve();
      return Promise.resolve();
    },
  };
  const deps = { clock: impatient, log: silentLogger, metrics: unmeasured() };
  const hook = new KubeconfigHook(access, systemClock);
  const backend = new WebhookBackend({ initialBackoffMs: 10_000 }, { ...deps, hook });
  const sink = new BufferedSink(
    { bufferMax: 10, batchMax: 4, batchWaitMs: 30_000, throttle: undefined },
    { ...deps, backend },
  );
  sink.write(event(1));
  sink.write(event(2));
  assert.equal(got.length, 0);
  await clock.advance(30_000);
  await slept.promise;
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

test("events and levels are counted, and what couldn't be told", async () => {
  const registry = new Registry();
  const metrics = new AuditMetrics(registry);
  const clock = new ManualClock();
  const policy = policyOf([{ level: "None", verbs: ["get"] }, { level: "Metadata" }]);
  const auditor = new Auditor(policy, { sinks: [new KeptEvents()], clock, read, written, metrics });
  await (await auditor.begin(requestOf({}), jane))?.complete(201, undefined);
  await auditor.begin(requestOf({ info: infoOf("GET", "/version") }), jane);
  metrics.failed("webhook", 400);
  const text = await registry.metrics();
  assert.match(text, /^apiserver_audit_event_total 2$/m);
  assert.match(text, /^apiserver_audit_level_total\{level="None"\} 1$/m);
  assert.match(text, /^apiserver_audit_level_total\{level="Metadata"\} 1$/m);
  assert.match(text, /^apiserver_audit_error_total\{plugin="webhook"\} 400$/m);
});

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
    { bufferMax: 3, batchMax: 2, batchWaitMs: 1000, throttle: { perSecond: 0.1, burst: 1 } },
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

test("the legacy format is a line of words", async () => {
  const [received, complete] = await told(
    { level: "Metadata" },
    { impersonated: { name: "joe", groups: [] } },
  );
  assert.ok(received !== undefined && complete !== undefined);
  assert.equal(
    eventLine(received, "legacy"),
    '2026-01-01T00:00:00Z AUDIT: id="id" stage="RequestReceived" ip="127.0.0.1" method="create" user="jane" groups="\\"dev\\",\\"system:authenticated\\"" as="<self>" asgroups="<lookup>" user-agent="kubectl" namespace="a" uri="/api/v1/namespaces/a/configmaps?fieldManager=x" response="<deferred>"\n',
  );
  assert.match(eventLine(complete, "legacy"), / response="201"\n$/);
});

test("files put aside are gzipped, and go when the time in their names is old", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-audit-"));
  try {
    const clock = new ManualClock();
    const path = join(directory, "audit.log");
    const options = { ...logOptions, path, sizeMaxBytes: 1, ageMaxMs: 1500, isCompressing: true };
    const backend = await openLogBackend(options, { clock, log: silentLogger, metrics: unmeasured() });
    for (let n = 0; n < 3; n++) {
      await backend.ready();
      assert.equal(await backend.deliver([event(n)]), true);
      await backend.ready();
      await clock.advance(1000);
    }
    await backend.close();
    const names = (await readdir(directory)).toSorted();
    assert.deepEqual(names, [
      "audit-2026-01-01T00-00-01.000.log.gz",
      "audit-2026-01-01T00-00-02.000.log.gz",
      "audit.log",
    ]);
    const [first = ""] = names;
    assert.equal(gunzipSync(await readFile(join(directory, first))).toString(), '{"auditID":"1"}\n');
  } finally {
    await rm(directory, { recursive: true });
  }
});
