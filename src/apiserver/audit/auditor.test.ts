import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { auditIdOf, Auditor, type AuditedRequest } from "./auditor.ts";
import type { AuditEvent } from "./event.ts";
import { eventLine } from "./event-line.ts";
import {
  infoOf,
  jane,
  KeptEvents,
  policyOf,
  read,
  requestOf,
  unmeasured,
  written,
} from "./testing/auditing.ts";

const configMap = { kind: "ConfigMap", metadata: { name: "m", managedFields: [{}] } };

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
