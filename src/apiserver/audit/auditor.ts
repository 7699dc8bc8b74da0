/**
 * Follows requests as the policy wants and tells the sinks. A request that isn't to be told costs one look at the policy.
 * upstream: apiserver/pkg/endpoints/filters/audit.go
 */
import { toRfc3339Micro, type Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { AnyObject, ObjectMeta } from "#api/meta/object.ts";
import { copyJson } from "#api/patch/json-value.ts";
import type { Status } from "#api/meta/status.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { Answer, RequestBody } from "#apiserver/request/call.ts";
import { isLongRunning, type RequestInfo } from "#apiserver/request/info.ts";
import { auditUser, listAsObject, objectRefOf, withoutManagedFields, type AuditEvent } from "./event.ts";
import type { AuditSink } from "./sink.ts";
import { decide, type AuditDecision, type AuditPolicy, type AuditStage } from "./policy.ts";

export interface AuditorDeps {
  readonly metrics: AuditMetrics;
  readonly sinks: readonly AuditSink[];
  readonly clock: Clock;
  /** A request's body as an object; undefined when it is none. */
  readonly read: (contentType: string, bytes: Buffer) => unknown;
  /** An object as clients see it: with what Go writes of fields that nobody set. */
  readonly written: (object: AnyObject) => AnyObject;
}

export interface AuditedRequest {
  readonly auditId: string;
  readonly info: RequestInfo;
  readonly uri: string;
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
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
  async begin(request: AuditedRequest, user: UserInfo): Promise<AuditRecord | undefined> {
    const record = await this.#open(request, user);
    if (record !== undefined && !(await record.received())) {
      this.#deps.metrics.rejected.add();
      throw new AuditLostError("failed to store audit event");
    }
    return record;
  }

  /** Nobody knows who sent it: one event tells all. Rules for certain users and groups don't fit. */
  async unknown(request: AuditedRequest, status: Status): Promise<void> {
    const record = await this.#open(request, undefined);
    await record?.refused(status);
  }

  async #open(request: AuditedRequest, user: UserInfo | undefined): Promise<AuditRecord | undefined> {
    const decision = decide(this.#policy, request.info, user);
    this.#deps.metrics.decided(decision.level);
    if (decision.level === "None") return undefined;
    for (const sink of this.#deps.sinks) await sink.ready();
    return new AuditRecord(request, user, decision, this.#deps);
  }

  async close(): Promise<void> {
    for (const sink of this.#deps.sinks) await sink.close();
  }
}

/** One request on its way. */
export class AuditRecord {
  /** A body that the handler has read, for what is told as it came: patches and options. */
  body: () => RequestBody | undefined = () => undefined;
  readonly #request: AuditedRequest;
  readonly #user: UserInfo | undefined;
  readonly #decision: AuditDecision;
  readonly #deps: AuditorDeps;
  readonly #received: string;
  readonly #annotations: Record<string, string> = {};
  #impersonated: UserInfo | undefined;
  #sent: ObjectMeta | undefined;
  #sentObject: unknown;
  #hasStarted = false;

  constructor(
    request: AuditedRequest,
    user: UserInfo | undefined,
    decision: AuditDecision,
    deps: AuditorDeps,
  ) {
    this.#request = request;
    this.#user = user;
    this.#decision = decision;
    this.#deps = deps;
    this.#received = toRfc3339Micro(deps.clock.now());
  }

  /** The first annotation of a name stays. */
  annotate(key: string, text: string): void {
    this.#annotations[key] ??= text;
  }

  /** Whom the sender acts as. */
  actsAs(user: UserInfo): void {
    this.#impersonated = user;
  }

  /** The object that was sent, with defaults and before admission: it may be changed afterwards. */
  sent(object: AnyObject): void {
    this.#sent = { ...object.metadata };
    if (this.#decision.level !== "Metadata") this.#sentObject = this.#seen(copyJson(object));
  }

  /** Whether it is told. */
  async received(): Promise<boolean> {
    return this.#tell("RequestReceived", { stageTimestamp: this.#received });
  }

  async refused(status: Status): Promise<void> {
    const { level } = this.#decision;
    await this.#tell("ResponseStarted", {
      responseStatus: toldStatus(status, status.code ?? 500),
      responseObject: level === "RequestResponse" ? status : undefined,
    });
  }

  /** A watch or a connection that lasts has begun. */
  started(code: number): void {
    void this.#start({ responseStatus: toldStatus(undefined, code) });
  }

  async #start(more: Partial<AuditEvent>): Promise<void> {
    this.#hasStarted = true;
    await this.#tell("ResponseStarted", more);
  }

  /** `sentAs`: what was sent, where it wasn't the answer's objects themselves. */
  async complete(
    code: number,
    answer: Answer | Status | undefined,
    sentAs: () => AnyObject | undefined = () => undefined,
  ): Promise<void> {
    const object = answeredObject(answer);
    const { level } = this.#decision;
    const status = object?.kind === "Status" ? (object as unknown as Status) : undefined;
    const more = {
      responseStatus: toldStatus(status, code),
      requestObject: level === "Metadata" ? undefined : await this.#requestObject(),
      responseObject:
        level === "RequestResponse" ? (this.#trimmed(sentAs()) ?? this.#seen(object)) : undefined,
    };
    // What would have lasted, had it not failed.
    if (isLongRunning(this.#request.info) && !this.#hasStarted) await this.#start(more);
    await this.#tell("ResponseComplete", more);
  }

  async #requestObject(): Promise<unknown> {
    if (this.#sentObject !== undefined) return this.#sentObject;
    const { verb } = this.#request.info;
    const body = rawVerbs.has(verb) ? this.body() : undefined;
    if (body === undefined) return undefined;
    try {
      const bytes = await body.bytes();
      if (bytes.length === 0) return undefined;
      const value = this.#trimmed(this.#deps.read(body.contentType, bytes));
      return verb === "patch" ? value : { kind: "DeleteOptions", apiVersion: "v1", ...(value as object) };
    } catch {
      // It couldn't be read as an object; the answer says so.
      return undefined;
    }
  }

  #seen(object: AnyObject | undefined): unknown {
    return object === undefined ? undefined : this.#trimmed(this.#deps.written(object));
  }

  #trimmed(value: unknown): unknown {
    return this.#decision.omitManagedFields ? withoutManagedFields(value) : value;
  }

  async #tell(stage: AuditStage, more: Partial<AuditEvent>): Promise<boolean> {
    if (this.#decision.omitStages.has(stage)) return true;
    const { info, userAgent, ...request } = this.#request;
    const [user, impersonated] = [this.#user, this.#impersonated];
    const hasAnnotations = stage !== "RequestReceived" && Object.keys(this.#annotations).length > 0;
    const event: AuditEvent = {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: this.#decision.level,
      auditID: request.auditId,
      stage,
      requestURI: request.uri,
      verb: info.verb,
      user: user === undefined ? {} : auditUser(user),
      ...(impersonated === undefined ? {} : { impersonatedUser: auditUser(impersonated) }),
      sourceIPs: request.sourceIps,
      userAgent,
      objectRef: objectRefOf(info, this.#sent),
      requestReceivedTimestamp: this.#received,
      stageTimestamp: toRfc3339Micro(this.#deps.clock.now()),
      ...more,
      ...(hasAnnotations ? { annotations: { ...this.#annotations } } : {}),
    };
    this.#deps.metrics.events.add();
    const waiting = this.#deps.sinks.map((sink) => sink.write(event)).filter((told) => told !== undefined);
    return waiting.length === 0 || (await Promise.all(waiting)).every((isTold) => isTold);
  }
}

const rawVerbs = new Set(["patch", "delete", "deletecollection"]);

/** What an answer that is a Status says; of others the code alone. */
const toldStatus = (answer: Status | undefined, code: number): AuditEvent["responseStatus"] => ({
  metadata: {},
  ...(answer === undefined
    ? {}
    : {
        status: answer.status,
        message: answer.message,
        reason: answer.reason,
        details: answer.details,
      }),
  code,
});

function answeredObject(answer: Answer | Status | undefined): AnyObject | undefined {
  if (answer === undefined) return undefined;
  if (answer.kind === "Status") return answer as unknown as AnyObject;
  switch (answer.kind) {
    case "stored":
      return answer.endpoint.view(answer.object);
    case "object":
      return answer.object;
    case "list":
      return listAsObject(answer);
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
