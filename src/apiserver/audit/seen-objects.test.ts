import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import type { AnyObject } from "#api/meta/object.ts";
import { ManualClock } from "#base/clock.ts";
import { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { Auditor } from "./auditor.ts";
import type { AuditEvent } from "./event.ts";
import { parseAuditPolicy } from "./policy.ts";

interface Told {
  readonly events: AuditEvent[];
  readonly auditor: Auditor;
}

function telling(policy: object): Told {
  const events: AuditEvent[] = [];
  const sink = {
    ready: () => Promise.resolve(),
    write: (event: AuditEvent): undefined => {
      events.push(event);
    },
    close: () => Promise.resolve(),
  };
  const whole = { apiVersion: "audit.k8s.io/v1", kind: "Policy", ...policy };
  const auditor = new Auditor(parseAuditPolicy("f", JSON.stringify(whole)), {
    sinks: [sink],
    clock: new ManualClock(),
    read: () => assert.fail("not read"),
    written: (object) => ({ ...object, status: {} }),
    metrics: new AuditMetrics(new Registry()),
  });
  return { events, auditor };
}

test("objects are told as clients see them, what was sent and what was answered", async () => {
  const { events, auditor } = telling({ rules: [{ level: "RequestResponse" }] });
  const path = "/api/v1/namespaces/a/pods";
  const info = parseRequestInfo("POST", path, new URLSearchParams());
  const request = { auditId: "id", info, uri: path, sourceIps: [], userAgent: "" };
  const record = await auditor.begin(request, { name: "jane", groups: [] });
  record?.sent({ kind: "Pod", metadata: { name: "p" } });
  await record?.complete(201, {
    kind: "object",
    status: 201,
    object: { kind: "Pod", metadata: { name: "p", uid: "u" } },
  });
  const { requestObject, responseObject } = events.at(-1) ?? {};
  assert.deepEqual(requestObject, { kind: "Pod", metadata: { name: "p" }, status: {} });
  assert.deepEqual(responseObject, { kind: "Pod", metadata: { name: "p", uid: "u" }, status: {} });
});

const table = (metadata: object): AnyObject => ({
  kind: "Table",
  rows: [{ cells: ["p"], object: { kind: "PartialObjectMetadata", metadata } }, { cells: ["q"] }],
});

test("rows are told as they were sent, without managed fields where those are left out", async () => {
  const { events, auditor } = telling({ omitManagedFields: true, rules: [{ level: "RequestResponse" }] });
  const path = "/api/v1/namespaces/a/pods/p";
  const info = parseRequestInfo("GET", path, new URLSearchParams());
  const request = { auditId: "id", info, uri: path, sourceIps: [], userAgent: "" };
  const record = await auditor.begin(request, { name: "jane", groups: [] });
  const metadata = { name: "p", managedFields: [{ manager: "m" }] };
  const answer = { kind: "object", status: 200, object: { kind: "Pod", metadata } } as const;
  await record?.complete(200, answer, () => table(metadata));
  assert.deepEqual(events.at(-1)?.responseObject, table({ name: "p" }));
});
