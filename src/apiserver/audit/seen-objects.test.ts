import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { Auditor } from "./auditor.ts";
import type { AuditEvent } from "./event.ts";
import { parseAuditPolicy } from "./policy.ts";

test("objects are told as clients see them, what was sent and what was answered", async () => {
  const policy = { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "RequestResponse" }] };
  const events: AuditEvent[] = [];
  const sink = {
    ready: () => Promise.resolve(),
    write: (event: AuditEvent): undefined => {
      events.push(event);
    },
    close: () => Promise.resolve(),
  };
  const auditor = new Auditor(parseAuditPolicy("f", JSON.stringify(policy)), {
    sinks: [sink],
    clock: new ManualClock(),
    read: () => assert.fail("not read"),
    written: (object) => ({ ...object, status: {} }),
    metrics: new AuditMetrics(new Registry()),
  });
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
