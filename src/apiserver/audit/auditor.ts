/**
 * Follows requests as the policy wants and tells the sinks. A request that isn't to be told costs one look at the policy.
 * upstream: apiserver/pkg/endpoints/filters/audit.go
 */
import { toRfc3339Micro, type Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { Answer, RequestBody } from "#apiserver/request/call.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { auditUser, listAsObject, objectRefOf, withoutManagedFields, type AuditEvent } from "./event.ts";
import type { AuditSink } from "./sink.ts";
import { decide, type AuditDecision, type AuditPolicy, type AuditStage } from "./policy.ts";

export interface AuditorDeps {
  readonly metrics: AuditMetrics;
  readonly sinks: readonly AuditSink[];
  readonly clock: Clock;
  /** A request's body as an object; undefined when it is none. */
  readonly read: (contentType: string, bytes: Buffer) => unknown;
}

export interface AuditedRequest {
  readonly auditId: string;
  readonly info: RequestInfo;
  readonly uri: string;
  readonly user: UserInfo;
  readonly impersonatedUser: UserInfo | undefined;
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
  readonly body: RequestBody | undefined;
}

/** Nobody was told of the request, and somebody wants it refused then. */
export class AuditLostError extends Error {
  override readonly name = "AuditLostError";
  readonly code = "AUDIT_LOST";
}

export class Auditor {
  readonly #policy: AuditPolicy;
  readonly #deps: AuditorDeps;

  constructor(policy: AuditPolicy, deps: AuditorDeps) {
    this.#policy = policy;
    this.#deps = deps;
  }

  /** Undefined: nothing is told of this request. Throws AuditLostError for one that mustn't be answered untold. */
  async begin(request: AuditedRequest): Promise<AuditRecord | undefined> {
    const decision = decide(this.#policy, request.info, request.user);
    this.#deps.metrics.decided(decision.level);
    if (decision.level === "None") return undefined;
    for (const sink of this.#deps.sinks) await sink.ready();
    const record = new AuditRecord(request, decision, this.#deps);
    if (!(await record.received())) {
      this.#deps.metrics.rejected.add();
      throw new AuditLostError("failed to store audit event");
    }
    return record;
  }

  async close(): Promise<void> {
    for (const sink of this.#deps.sinks) await sink.close();
  }
}

/** One request on its way. */
export class AuditRecord {
  readonly #request: AuditedRequest;
  readonly #decision: AuditDecision;
  readonly #deps: AuditorDeps;
  readonly #received: string;
  readonly #annotations: Record<string, string> = {};

  constructor(request: AuditedRequest, decision: AuditDecision, deps: AuditorDeps) {
    this.#request = request;
    this.#decision = decision;
    this.#deps = deps;
    this.#received = toRfc3339Micro(deps.clock.now());
  }

  /** The first annotation of a name stays. */
  annotate(key: string, text: string): void {
    this.#annotations[key] ??= text;
  }

  /** Whether it is told. */
  async received(): Promise<boolean> {
    return this.#tell("RequestReceived", {});
  }

  /** A watch or a connection that lasts has begun. */
  started(code: number): void {
    void this.#tell("ResponseStarted", { responseStatus: { metadata: {}, code } });
  }

  async complete(code: number, answer: Answer | Status | undefined): Promise<void> {
    const object = answeredObject(answer);
    const { level } = this.#decision;
    const failed = object?.kind === "Status" ? (object as unknown as Status) : undefined;
    const requestObject = level === "Metadata" ? undefined : await this.#requestObject();
    await this.#tell("ResponseComplete", {
      objectRef: objectRefOf(this.#request.info, (requestObject as AnyObject | undefined) ?? object),
      responseStatus: {
        metadata: {},
        ...(failed === undefined
          ? {}
          : { status: failed.status, message: failed.message, reason: failed.reason }),
        code,
      },
      requestObject,
      responseObject: level === "RequestResponse" ? this.#trimmed(object) : undefined,
    });
  }

  async #requestObject(): Promise<unknown> {
    const { body, info } = this.#request;
    if (body === undefined || !bodyVerbs.has(info.verb)) return undefined;
    try {
      const bytes = await body.bytes();
      return bytes.length === 0 ? undefined : this.#trimmed(this.#deps.read(body.contentType, bytes));
    } catch {
      // It couldn't be read as an object; the answer says so.
      return undefined;
    }
  }

  #trimmed(value: unknown): unknown {
    return this.#decision.omitManagedFields ? withoutManagedFields(value) : value;
  }

  async #tell(stage: AuditStage, more: Partial<AuditEvent>): Promise<boolean> {
    if (this.#decision.omitStages.has(stage)) return true;
    const { info, impersonatedUser, userAgent, ...request } = this.#request;
    const hasAnnotations = stage !== "RequestReceived" && Object.keys(this.#annotations).length > 0;
    const event: AuditEvent = {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: this.#decision.level,
      auditID: request.auditId,
      stage,
      requestURI: request.uri,
      verb: info.verb,
      user: auditUser(request.user),
      ...(impersonatedUser === undefined ? {} : { impersonatedUser: auditUser(impersonatedUser) }),
      sourceIPs: request.sourceIps,
      userAgent,
      objectRef: objectRefOf(info, undefined),
      ...more,
      requestReceivedTimestamp: this.#received,
      stageTimestamp: toRfc3339Micro(this.#deps.clock.now()),
      ...(hasAnnotations ? { annotations: { ...this.#annotations } } : {}),
    };
    this.#deps.metrics.events.add();
    const waiting = this.#deps.sinks.map((sink) => sink.write(event)).filter((told) => told !== undefined);
    return waiting.length === 0 || (await Promise.all(waiting)).every((isTold) => isTold);
  }
}

const bodyVerbs = new Set(["create", "update", "patch", "delete", "deletecollection", "post", "put"]);

function answeredObject(answer: Answer | Status | undefined): AnyObject | undefined {
  if (answer === undefined) return undefined;
  if (answer.kind === "Status") return answer as unknown as AnyObject;
  switch (answer.kind) {
    case "stored":
      return answer.endpoint.view(answer.object);
    case "object":
      return answer.object;
    case "list": {
      const { endpoint, items } = answer;
      const { listKind } = endpoint.definition;
      return listAsObject(
        listKind,
        endpoint.gvk,
        items.map((item) => endpoint.view(item)),
      );
    }
    case "watch":
    case "raw":
    case "hijacked":
      return undefined;
  }
}

/** What the client says, when it says something sensible: several servers then tell of one request under one id. */
export const auditIdOf = (header: string, random: Random): string =>
  header.length <= auditIdMax && /^[\w.-]+$/.test(header) ? header : random.uuid();

const auditIdMax = 64;
