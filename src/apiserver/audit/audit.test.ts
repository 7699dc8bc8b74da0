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
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { fixedIdentity } from "#client/identity.ts";
import { auditIdOf, Auditor, AuditLostError, type AuditedRequest } from "./auditor.ts";
import { BufferedSink } from "./buffered-sink.ts";
import type { AuditEvent } from "./event.ts";
import { eventLine } from "./event-line.ts";
import { openLogBackend } from "./log-backend.ts";
import { decide, parseAuditPolicy } from "./policy.ts";
import { BlockingSink, type AuditBackend, type AuditSink } from "./sink.ts";
import { TruncatingSink } from "./truncating-sink.ts";
import { WebhookBackend } from "./webhook-backend.ts";

const unmeasured = (): AuditMetrics => new AuditMetrics(new Registry());

const policyOf = (rules: unknown, more: object = {}): ReturnType<typeof parseAuditPolicy> =>
  parseAuditPolicy("f", JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules, ...more }));

const infoOf = (method: string, path: string): ReturnType<typeof parseRequestInfo> =>
  parseRequestInfo(method, path, new URLSearchParams());
const jane = { name: "jane", groups: ["dev", "system:authenticated"] };

suite("the first rule that fits decides", () => {
  const pods = "/api/v1/namespaces/a/pods";
  const cases: readonly [what: string, rule: object, method: string, path: string, fits: boolean][] = [
    ["no condition", {}, "GET", pods, true],
    ["the user", { users: ["jane"] }, "GET", pods, true],
    ["another user", { users: ["joe"] }, "GET", pods, false],
    ["a group", { userGroups: ["ops", "dev"] }, "GET", pods, true],
    ["the verb", { verbs: ["list"] }, "GET", pods, true],
    ["another verb", { verbs: ["get"] }, "GET", pods, false],
    ["the namespace", { namespaces: ["a"] }, "GET", pods, true],
    ["another namespace", { namespaces: ["b"] }, "GET", pods, false],
    ["a namespace outside of resources", { namespaces: ["a"] }, "GET", "/version", false],
    ["the group alone", { resources: [{ group: "" }] }, "GET", pods, true],
    ["another group", { resources: [{ group: "apps" }] }, "GET", pods, false],
    ["the resource", { resources: [{ resources: ["pods"] }] }, "GET", `${pods}/x`, true],
    [
      "a subresource isn't the resource",
      { resources: [{ resources: ["pods"] }] },
      "GET",
      `${pods}/x/log`,
      false,
    ],
    ["the subresource", { resources: [{ resources: ["pods/log"] }] }, "GET", `${pods}/x/log`, true],
    ["every subresource", { resources: [{ resources: ["pods/*"] }] }, "GET", `${pods}/x/log`, true],
    ["a subresource of anything", { resources: [{ resources: ["*/log"] }] }, "GET", `${pods}/x/log`, true],
    ["a name", { resources: [{ resources: ["pods"], resourceNames: ["x"] }] }, "GET", `${pods}/x`, true],
    [
      "another name",
      { resources: [{ resources: ["pods"], resourceNames: ["y"] }] },
      "GET",
      `${pods}/x`,
      false,
    ],
    ["a path", { nonResourceURLs: ["/version"] }, "GET", "/version", true],
    ["paths below", { nonResourceURLs: ["/healthz*"] }, "GET", "/healthz/ping", true],
    ["a path for a resource", { nonResourceURLs: ["*"] }, "GET", pods, false],
  ];
  for (const [what, rule, method, path, fits] of cases) {
    test(what, () => {
      const { level } = decide(policyOf([{ level: "Metadata", ...rule }]), infoOf(method, path), jane);
      assert.equal(level, fits ? "Metadata" : "None");
    });
  }

  test("None hides what later rules would tell", () => {
    const policy = policyOf([{ level: "None", users: ["jane"] }, { level: "Request" }]);
    assert.equal(decide(policy, infoOf("GET", pods), jane).level, "None");
  });
});

suite("a policy's faults", () => {
  const cases: readonly [rules: unknown, fault: RegExp][] = [
    [[], /rules: Required value/],
    [[{ level: "Loud" }], /rules\[0\].level: Unsupported value: "Loud"/],
    [
      [{ level: "None", omitStages: ["x"] }],
      /rules\[0\].omitStages\[0\]: Invalid value: "x": allowed stages are/,
    ],
    [
      [{ level: "None", nonResourceURLs: ["/x"], namespaces: ["a"] }],
      /rules cannot apply to both regular resources and non-resource URLs/,
    ],
    [[{ level: "None", nonResourceURLs: ["x"] }], /must begin with a '\/' character/],
    [[{ level: "None", nonResourceURLs: ["/a*b"] }], /'\*' must be the final character of the rule/],
    [[{ level: "None", resources: [{ group: "apps/v1" }] }], /must be the name of a group/],
    [[{ level: "None", resources: [{ resourceNames: ["a"] }] }], /requires at least one resource/],
  ];
  for (const [rules, fault] of cases) {
    test(fault.source, () => {
      assert.throws(() => policyOf(rules), fault);
    });
  }
  test("another kind", () => {
    assert.throws(() => parseAuditPolicy("f", "kind: Pod"), /f: is Pod of undefined, must be Policy/);
  });
});

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
  user: jane,
  impersonatedUser: undefined,
  sourceIps: ["127.0.0.1"],
  userAgent: "kubectl",
  body: {
    contentType: "application/json",
    bytes: () =>
      Promise.resolve(Buffer.from('{"kind":"ConfigMap","metadata":{"name":"m","managedFields":[{}]}}')),
  },
  ...more,
});

const read = (_: string, bytes: Buffer): unknown => JSON.parse(bytes.toString());

async function told(rule: object, more: Partial<AuditedRequest> = {}): Promise<readonly AuditEvent[]> {
  const sink = new KeptEvents();
  const auditor = new Auditor(policyOf([rule]), {
    sinks: [sink],
    clock: new ManualClock(),
    read,
    metrics: unmeasured(),
  });
  const record = await auditor.begin(requestOf(more));
  record?.annotate("a", "1");
  record?.annotate("a", "2");
  await record?.complete(201, {
    kind: "object",
    status: 201,
    object: { kind: "ConfigMap", metadata: { name: "m", uid: "u", resourceVersion: "7" } },
  });
  return sink.events;
}

suite("what is told", () => {
  test("metadata: who did what to which, when, and what came of it", async () => {
    const [received, complete] = await told({ level: "Metadata" });
    assert.equal(received?.stage, "RequestReceived");
    assert.equal(received.annotations, undefined);
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
        uid: "u",
        apiVersion: "v1",
        resourceVersion: "7",
      },
      responseStatus: { metadata: {}, code: 201 },
      requestObject: undefined,
      responseObject: undefined,
      requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
      stageTimestamp: "2026-01-01T00:00:00.000000Z",
      annotations: { a: "1" },
    });
  });

  test("the objects, by level, without managed fields where that is asked for", async () => {
    const [, request] = await told({ level: "Request" });
    assert.deepEqual(request?.requestObject, {
      kind: "ConfigMap",
      metadata: { name: "m", managedFields: [{}] },
    });
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

  test("a body that can't be read is left out", async () => {
    const [, complete] = await told(
      { level: "Request" },
      { body: { contentType: "", bytes: () => Promise.resolve(Buffer.from("{")) } },
    );
    assert.equal(complete?.requestObject, undefined);
  });

  test("who is impersonated", async () => {
    const [event] = await told({ level: "Metadata" }, { impersonatedUser: { name: "joe", groups: [] } });
    assert.deepEqual(event?.impersonatedUser, { username: "joe" });
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
  const auditor = new Auditor(policy, { sinks: [new KeptEvents()], clock, read, metrics });
  await (await auditor.begin(requestOf({})))?.complete(201, undefined);
  await auditor.begin(requestOf({ info: infoOf("GET", "/version") }));
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
      metrics: new AuditMetrics(registry),
    });
    const record = await auditor.begin(requestOf({}));
    backend.isWell = false;
    await record?.complete(200, undefined);
    const refused = auditor.begin(requestOf({}));
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
    { impersonatedUser: { name: "joe", groups: [] } },
  );
  assert.ok(received !== undefined && complete !== undefined);
  assert.equal(
    eventLine(received, "legacy"),
    '2026-01-01T00:00:00Z AUDIT: id="id" stage="RequestReceived" ip="127.0.0.1" method="create" user="jane" groups="\\"dev\\",\\"system:authenticated\\"" as="joe" asgroups="<lookup>" user-agent="kubectl" namespace="a" uri="/api/v1/namespaces/a/configmaps?fieldManager=x" response="<deferred>"\n',
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
