/** An auditor's requests, and what keeps events for tests to look at. */
import { Registry } from "prom-client";
import { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import type { AuditedRequest } from "../auditor.ts";
import type { AuditEvent } from "../event.ts";
import { parseAuditPolicy } from "../policy.ts";
import type { AuditSink } from "../sink.ts";

export const unmeasured = (): AuditMetrics => new AuditMetrics(new Registry());

export const policyOf = (rules: unknown, more: object = {}): ReturnType<typeof parseAuditPolicy> =>
  parseAuditPolicy("f", JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules, ...more }));

export const infoOf = (method: string, path: string): ReturnType<typeof parseRequestInfo> =>
  parseRequestInfo(method, path, new URLSearchParams());
export const jane = { name: "jane", groups: ["dev", "system:authenticated"] };

export class KeptEvents implements AuditSink {
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

export const requestOf = (more: Partial<AuditedRequest> = {}): AuditedRequest => ({
  auditId: "id",
  info: infoOf("POST", "/api/v1/namespaces/a/configmaps"),
  uri: "/api/v1/namespaces/a/configmaps?fieldManager=x",
  sourceIps: ["127.0.0.1"],
  userAgent: "kubectl",
  ...more,
});

export const read = (_: string, bytes: Buffer): unknown => JSON.parse(bytes.toString());
export const written = <T>(object: T): T => object;

export const event = (n: number): AuditEvent => ({ auditID: String(n) }) as AuditEvent;
