/**
 * From a request of Node's server to its answer: who asks, the chain, the answer's shape, and every failure as a Status.
 * upstream: apiserver/pkg/server/filters and apiserver/pkg/endpoints/filters
 */
import type { Duplex } from "node:stream";
import { DurationError, goDurationMs } from "#api/meta/duration.ts";
import {
  badRequestError,
  failure,
  internalError,
  StatusError,
  type Status,
  tooManyRequestsError,
  unauthorizedError,
} from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Subscription } from "#base/subscription.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { StoreBusyError, StoreClosedError } from "#store/store.ts";
import type { Authenticator, Credentials, UserInfo } from "#apiserver/authn/authenticator.ts";
import { impersonate } from "#apiserver/authn/impersonation.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { Answer, ApiCall, RequestBody, WatchAnswer } from "#apiserver/request/call.ts";
import { auditIdOf, type Auditor, type AuditRecord } from "#apiserver/audit/auditor.ts";
import type { FlowControl } from "#apiserver/flowcontrol/flow-control.ts";
import { seatsOf, type CountObjects } from "#apiserver/flowcontrol/seats.ts";
import type { Chain } from "#apiserver/request/chain.ts";
import { isOnlyAnswered, parseRequestInfo, type RequestInfo } from "#apiserver/request/info.ts";
import { acceptsGzip } from "./compression.ts";
import {
  bodyOf,
  callOf,
  ClientCertificates,
  ClientGoneError,
  credentialsOf,
  headerOf,
  separateHeaders,
  sourceAddresses,
  targetOf,
  type Incoming,
  type Outgoing,
  type Target,
} from "./exchange.ts";
import { Drain, shuttingDown } from "./drain.ts";
import type { RequestMetrics } from "./metrics.ts";
import { respond, sendStatus, type Response } from "./respond.ts";
import { negotiateShape, type Shape, type ShapeDeps } from "./shape.ts";

export interface FrontDeps extends ShapeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly chain: Chain;
  readonly metrics: RequestMetrics;
  /** Asked for each request: the policy's file is read when the server starts. */
  readonly auditor: () => Auditor | undefined;
  readonly flow: FlowControl;
  readonly countObjects: CountObjects;
  /** Whether what is asked for can be written as protobuf. */
  readonly hasProtobuf: (info: RequestInfo) => boolean;
  /** Requests other than watches and connects are given up after this. */
  readonly requestTimeoutMs: number;
}

const knownUserMs = 10_000;

interface Identified {
  readonly sender: UserInfo;
  readonly impersonated: UserInfo | undefined;
}

interface ToAudit {
  readonly auditId: string;
  readonly incoming: Incoming;
  readonly info: RequestInfo;
  readonly identified: Identified;
  readonly body: RequestBody | undefined;
}

interface Followed {
  readonly finish: (code: number, seconds: number) => void;
  readonly record: AuditRecord | undefined;
}

const recordAnnotations =
  (record: AuditRecord | undefined) =>
  (key: string, text: string): void => {
    record?.annotate(key, text);
  };

export class Front {
  readonly #deps: FrontDeps;
  readonly #certificates = new ClientCertificates();
  /** By the certificate of a connection. */
  readonly #knownUsers = new WeakMap<Buffer, { readonly user: UserInfo; readonly until: number }>();
  readonly #plain: Shape;
  readonly #watches = new Set<Subscription<WatchItem>>();
  readonly #drain = new Drain();

  constructor(deps: FrontDeps) {
    this.#deps = deps;
    this.#plain = negotiateShape("application/json", new URLSearchParams(), deps);
  }

  /**
   * Refuses what comes from now on, and ends every watch as if its time were over: clients come again, to the next server.
   * Resolves when all that was being answered is.
   */
  stop(): Promise<void> {
    const idle = this.#drain.stop();
    for (const watch of this.#watches) watch.close();
    return idle;
  }

  /** Who sent this, or whom it acts as. Throws 401. For routes beside the API. */
  async identify(incoming: Incoming): Promise<UserInfo> {
    const { sender, impersonated } = await this.#identify(incoming);
    return impersonated ?? sender;
  }

  /** Who sent this, and whom it is to be taken for. Throws 401, and 403 for who may not impersonate. */
  async #identify(incoming: Incoming): Promise<Identified> {
    const credentials = credentialsOf(incoming, this.#certificates);
    const sender = this.#knownUser(credentials) ?? (await this.#authenticate(credentials));
    return {
      sender,
      impersonated: await impersonate(
        separateHeaders(incoming, "impersonate-"),
        sender,
        this.#deps.authorizer,
      ),
    };
  }

  /** A certificate that was good a moment ago is good still. */
  #knownUser({ bearerToken, clientCertificate, remoteHeaders }: Credentials): UserInfo | undefined {
    if (bearerToken !== undefined || clientCertificate === undefined) return undefined;
    // A front proxy speaks for somebody else each time.
    if (remoteHeaders !== undefined) return undefined;
    const known = this.#knownUsers.get(clientCertificate);
    const isFresh = known !== undefined && this.#deps.clock.monotonic() < known.until;
    return isFresh ? known.user : undefined;
  }

  async #authenticate(credentials: Credentials): Promise<UserInfo> {
    const user = await this.#deps.authenticator.authenticate(credentials);
    if (user === undefined) throw unauthorizedError();
    const { bearerToken, clientCertificate, remoteHeaders } = credentials;
    const isByCertificate = bearerToken === undefined && remoteHeaders === undefined;
    if (isByCertificate && clientCertificate !== undefined) {
      const until = this.#deps.clock.monotonic() + knownUserMs;
      this.#knownUsers.set(clientCertificate, { user, until });
    }
    return user;
  }

  /** Resolves when the answer is out, or the watch has begun. Never rejects. */
  async handle(incoming: Incoming, outgoing: Outgoing): Promise<void> {
    if (this.#drain.refuses(incoming)) {
      refuseLate(outgoing);
      return;
    }
    const gone = new AbortController();
    let isAnswered = false;
    outgoing.once("close", () => {
      if (!isAnswered) gone.abort(new ClientGoneError());
    });
    const warnings: string[] = [];
    let response: Response = {
      outgoing,
      shape: this.#plain,
      warnings,
      isHead: incoming.method === "HEAD",
      takesGzip: acceptsGzip(headerOf(incoming, "accept-encoding")),
    };
    const auditId = auditIdOf(headerOf(incoming, "audit-id"), this.#deps.random);
    outgoing.setHeader("audit-id", auditId);
    const begun = this.#deps.clock.monotonic();
    let finish: ((code: number, seconds: number) => void) | undefined;
    let record: AuditRecord | undefined;
    let leave: (() => void) | undefined;
    try {
      const target = targetOf(incoming.url ?? "/");
      const info = parseRequestInfo(incoming.method ?? "GET", target.path, target.query);
      if (!isLongRunning(info)) leave = this.#drain.enter();
      finish = this.#deps.metrics.begin(info, target.query);
      const identified = await this.#identify(incoming);
      if (info.isResourceRequest) {
        const limits = { hasProtobuf: this.#deps.hasProtobuf(info), hasTable: !isOnlyAnswered(info) };
        const shape = negotiateShape(headerOf(incoming, "accept"), target.query, this.#deps, limits);
        response = { ...response, shape };
      }
      const warn = (text: string): void => {
        if (!warnings.includes(text)) warnings.push(text);
      };
      const user = identified.impersonated ?? identified.sender;
      const body = bodyOf(incoming);
      record = await this.#audited({ auditId, incoming, info, identified, body });
      const annotate = recordAnnotations(record);
      const signal = gone.signal;
      const call = callOf({ info, incoming, target, user, signal, warn, annotate, body, upgrade: undefined });
      const answer = await this.#seated(call, outgoing);
      if (answer.kind === "watch") {
        // Not awaited: a watch lives long, and all that belongs to its request can go.
        const events = this.#deps.metrics.watchEvents(info);
        void this.#follow(answer, { ...response, events }, { finish, record });
        finish = undefined;
        return;
      }
      await respond(answer, response, this.#deps.clock);
      isAnswered = true;
      await record?.complete(outgoing.statusCode, answer);
    } catch (error) {
      const status = this.#fail(error, response);
      await record?.complete(status?.code ?? outgoing.statusCode, status);
    } finally {
      leave?.();
      finish?.(outgoing.statusCode, (this.#deps.clock.monotonic() - begun) / 1000);
    }
  }

  async #follow(answer: WatchAnswer, response: Response, { finish, record }: Followed): Promise<void> {
    this.#watches.add(answer.items);
    record?.started(200);
    try {
      await respond(answer, response, this.#deps.clock);
    } catch (error) {
      this.#fail(error, response);
    } finally {
      this.#watches.delete(answer.items);
      finish(response.outgoing.statusCode, 0);
      await record?.complete(response.outgoing.statusCode, undefined);
    }
  }

  /** What is kept of this request for the audit log, if anything is. */
  async #audited({ auditId, incoming, info, identified, body }: ToAudit): Promise<AuditRecord | undefined> {
    return this.#deps.auditor()?.begin({
      auditId,
      info,
      uri: incoming.url ?? "/",
      user: identified.sender,
      impersonatedUser: identified.impersonated,
      sourceIps: sourceAddresses(incoming),
      userAgent: headerOf(incoming, "user-agent"),
      body,
    });
  }

  /** A request that asks to take over its connection. Never rejects. */
  async handleUpgrade(incoming: Incoming, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.once("close", () => {
      gone.abort(new ClientGoneError());
    });
    socket.on("error", () => undefined);
    if (this.#drain.refuses(incoming)) {
      refuseWith(socket, shuttingDown.status, "text/plain", shuttingDown.body);
      return;
    }
    let record: AuditRecord | undefined;
    try {
      const target: Target = targetOf(incoming.url ?? "/");
      const identified = await this.#identify(incoming);
      const info = parseRequestInfo(incoming.method ?? "GET", target.path, target.query);
      const auditId = auditIdOf(headerOf(incoming, "audit-id"), this.#deps.random);
      record = await this.#audited({ auditId, incoming, info, identified, body: undefined });
      const call = callOf({
        info,
        incoming,
        target,
        user: identified.impersonated ?? identified.sender,
        signal: gone.signal,
        warn: () => undefined,
        annotate: recordAnnotations(record),
        body: bodyOf(incoming),
        upgrade: { socket, head, rawHeaders: incoming.rawHeaders },
      });
      const answer = await this.#deps.chain(call);
      if (answer.kind === "hijacked") {
        record?.started(101);
        socket.once("close", () => void record?.complete(101, undefined));
        return;
      }
      await refuse(socket, answer);
      await record?.complete("status" in answer ? answer.status : 400, answer);
    } catch (error) {
      const { status } = statusErrorOf(error);
      await record?.complete(status.code ?? 500, status);
      if (status.code === 500) this.#deps.log.error("request failed", { path: incoming.url, error });
      refuseWith(socket, status.code ?? 500, "application/json", JSON.stringify(status));
    }
  }

  /** Answers when priority and fairness lets it. What lasts takes no seat; a watch takes one until it has begun. */
  async #seated(call: ApiCall, outgoing: Outgoing): Promise<Answer> {
    const { info, query, signal } = call;
    const timeoutMs = isLongRunning(info) ? undefined : this.#timeoutOf(query);
    if (longSubresources.has(info.subresource)) return this.#deps.chain(call);
    const { flow, countObjects } = this.#deps;
    const classified = flow.classify(call);
    outgoing.setHeader("x-kubernetes-pf-flowschema-uid", classified.schemaUid);
    outgoing.setHeader("x-kubernetes-pf-prioritylevel-uid", classified.levelUid);
    const seats = seatsOf(info, query, countObjects);
    const answer = (): Promise<Answer> =>
      timeoutMs === undefined ? this.#deps.chain(call) : this.#inTime(call, timeoutMs);
    return flow.run(classified, seats, answer, signal);
  }

  /** What the client asks for, at most the server's own. upstream: apiserver/pkg/endpoints/filters/request_deadline.go */
  #timeoutOf(query: URLSearchParams): number {
    const { requestTimeoutMs } = this.#deps;
    const text = query.get("timeout") ?? "";
    if (text === "") return requestTimeoutMs;
    try {
      const asked = goDurationMs(text);
      return asked > 0 ? Math.min(asked, requestTimeoutMs) : requestTimeoutMs;
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      throw badRequestError(`invalid timeout specified in the request URL - ${error.message}`, {
        cause: error,
      });
    }
  }

  async #inTime(call: ApiCall, timeoutMs: number): Promise<Answer> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#deps.clock.after(timeoutMs, () => {
      late.reject(
        failure({
          code: 504,
          reason: "Timeout",
          message: "Timeout: request did not complete within the allotted timeout",
          details: {},
        }),
      );
    });
    try {
      return await Promise.race([this.#deps.chain(call), late.promise]);
    } finally {
      cancel();
    }
  }

  /** The rest of a body that is too long, or too slow, isn't waited for. */
  #leaveUnread(outgoing: Outgoing): void {
    if (outgoing.req.complete) return;
    if (!("stream" in outgoing)) outgoing.setHeader("connection", "close");
    outgoing.once("finish", () => {
      const cancel = this.#deps.clock.after(readAnswerMs, () => {
        if ("stream" in outgoing) outgoing.stream.close();
        else outgoing.req.destroy();
      });
      outgoing.once("close", cancel);
    });
  }

  /** What the client is told, or would have been. */
  #fail(error: unknown, response: Response): Status | undefined {
    if (error instanceof ClientGoneError) return undefined;
    const { status } = statusErrorOf(error);
    // Without a reason it is a refusal that upstream too gives this code.
    if (status.code === 500 && status.reason !== "") {
      const { method, url } = response.outgoing.req;
      this.#deps.log.error("request failed", { method, path: url, error });
    }
    const { outgoing } = response;
    if (outgoing.headersSent) {
      // Too late for a Status: the client must see that the answer is broken off.
      outgoing.destroy();
      return status;
    }
    if (status.code === 413 || status.code === 504) this.#leaveUnread(outgoing);
    const shape = response.shape.isTable ? this.#plain : response.shape;
    sendStatus({ ...response, shape }, status);
    return status;
  }
}

/** Who is cut off at once loses the answer with it. upstream: rstAvoidanceDelay of Go's server */
const readAnswerMs = 500;

const longSubresources = new Set(["exec", "attach", "portforward", "proxy", "log"]);

const isLongRunning = ({ verb, subresource }: RequestInfo): boolean =>
  verb === "watch" || longSubresources.has(subresource);

function refuseLate(outgoing: Outgoing): void {
  const { status, headers, body } = shuttingDown;
  outgoing.statusCode = status;
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  if (!("stream" in outgoing)) outgoing.setHeader("connection", "close");
  outgoing.setHeader("content-length", String(body.length));
  outgoing.end(body);
}

function statusErrorOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof StoreBusyError) {
    return tooManyRequestsError("the store has more writes waiting than it holds, please try again later", 1);
  }
  if (error instanceof StoreClosedError) {
    return failure({ code: 503, reason: "ServiceUnavailable", message: "the server is shutting down" });
  }
  return internalError(errorText(error), { cause: error });
}

/** An answer to a request that wanted its connection upgraded, and got something else. */
async function refuse(socket: Duplex, answer: Exclude<Answer, { kind: "hijacked" }>): Promise<void> {
  if (answer.kind === "object") {
    refuseWith(socket, answer.status, "application/json", JSON.stringify(answer.object));
    return;
  }
  if (answer.kind !== "raw") {
    if (answer.kind === "watch") answer.items.cancel();
    refuseWith(socket, 400, "text/plain", "this resource knows no upgrade\n");
    return;
  }
  const { body, headers, status } = answer;
  const chunks: Uint8Array[] = [];
  if (typeof body === "string") chunks.push(Buffer.from(body, "utf8"));
  else if (body instanceof Uint8Array) chunks.push(body);
  else for await (const chunk of body) chunks.push(chunk);
  const type = headers["content-type"];
  refuseWith(socket, status, typeof type === "string" ? type : "text/plain", Buffer.concat(chunks));
}

function refuseWith(socket: Duplex, status: number, contentType: string, body: string | Buffer): void {
  const bytes = Buffer.from(body as string);
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${status < 400 ? "OK" : "Error"}\r\nConnection: close\r\n` +
        `Content-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
  }
  socket.end(bytes);
}
