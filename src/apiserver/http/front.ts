/**
 * From a request at the door to its answer: who asks, the chain, the answer's shape, and every failure as a Status.
 * Where nothing has to be waited for, all of it happens at once: most reads, since they are answered from memory.
 * upstream: apiserver/pkg/server/filters and apiserver/pkg/endpoints/filters
 */
import type { Status } from "#api/meta/status.ts";
import type { Expressions } from "#api/expressions.ts";
import type { Subscription } from "#base/subscription.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { anonymous, type Authenticator, type UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { Answer, WatchAnswer } from "#apiserver/request/call.ts";
import { auditIdOf, AuditLostError, type AuditRecord } from "#apiserver/audit/auditor.ts";
import {
  hasNoEnd,
  isConnect,
  isLongRunning,
  isOnlyAnswered,
  type RequestInfo,
} from "#apiserver/request/info.ts";
import { internalFailure } from "#apiserver/request/refusals.ts";
import { DroppedError } from "#apiserver/flowcontrol/dropped-requests.ts";
import { identifyAudited, type Asked } from "./audited-identity.ts";
import { ChunkPool } from "./chunk-pool.ts";
import { comeAgain, Drain, refuseLate, shuttingDown } from "./drain.ts";
import { ClientGoneError, headerOf, type Exchange, type RequestHead } from "./exchange.ts";
import { FirstFilters } from "./first-filters.ts";
import { HttpCall, type CallParts } from "./http-call.ts";
import { hasSpacedToken, Identification, type IdentificationDeps } from "./identification.ts";
import { isEventStream } from "./lasting.ts";
import { takenOver, type CountedCall, type RequestKind } from "./metrics.ts";
import { droppedAnswer, isOwnFault, statusErrorOf } from "./refuse.ts";
import { seated, type SeatingDeps } from "./seating.ts";
import { otherShape, respond, sendStatus } from "./respond.ts";
import type { Response, ResponseDeps } from "./send.ts";
import type { ServingOptions } from "./serving-options.ts";
import {
  assertStreams,
  isHumanAgent,
  negotiateFailure,
  negotiatePlain,
  negotiateShape,
  type Shape,
  type ShapeDeps,
} from "./shape.ts";
import { Targets, type Target } from "./target.ts";
import { Upgrades, type UpgradesDeps } from "./upgrades.ts";

export interface FrontDeps extends ShapeDeps, SeatingDeps, UpgradesDeps {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly impersonating?: IdentificationDeps["impersonating"];
  /** Whether what is asked for can be written as protobuf. */
  readonly hasProtobuf: (info: RequestInfo) => boolean;
  /** Whether there is such a resource here. */
  readonly isServed: (info: RequestInfo) => boolean;
  readonly serving: ServingOptions;
  /** For the patterns among those. */
  readonly loadExpressions: () => Promise<Expressions>;
}

/** One request while it is answered. */
interface Visit {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly kind: RequestKind;
  readonly auditId: string;
  readonly begun: number;
  /** How it is answered: plainly until it is known better. */
  shape: Shape;
  /** Known once it is known who asks. */
  call: HttpCall | undefined;
  /** A watch goes on without it. */
  isFollowed: boolean;
  /** It comes to its end by itself: the server's waits for it. */
  isAwaited: boolean;
}

interface Counted extends Pick<Visit, "exchange" | "kind" | "begun"> {
  readonly call: CountedCall | undefined;
}

/** What is left of the call of a watch that has begun. */
const followed = { isHandled: true, isRefused: false, isUndelivered: false, heldMs: 0, readBytes: undefined };

interface KnownResponse extends Response {
  readonly kind: RequestKind;
}

export class Front {
  readonly upgrades: Upgrades;
  readonly #deps: FrontDeps;
  readonly #identification: Identification;
  readonly #targets = new Targets();
  readonly #plain: Shape;
  readonly #watches = new Set<Subscription<WatchItem>>();
  readonly #drain = new Drain();
  readonly #first: FirstFilters | undefined;
  #watchesOver: (() => void) | undefined;
  readonly #respondDeps: ResponseDeps;

  constructor(deps: FrontDeps) {
    this.#deps = deps;
    this.#respondDeps = { clock: deps.clock, chunks: new ChunkPool() };
    this.#identification = new Identification(deps);
    this.upgrades = new Upgrades(deps, {
      targets: this.#targets,
      drain: this.#drain,
      identification: this.#identification,
      kindOf: (target) => target.kind ?? this.#kindOf(target),
    });
    const first = new FirstFilters(deps.serving, deps.random);
    this.#first = first.areIdle ? undefined : first;
    this.#plain = negotiatePlain({ accept: "", query: new URLSearchParams(), isHuman: false }, deps);
  }

  /** Before the first request. Throws what is wrong with the options' patterns. */
  async load(): Promise<void> {
    await this.#first?.load(this.#deps.loadExpressions);
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

  /** Resolves when no watch is left. */
  watchesOver(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#watches.size === 0) resolve();
      else this.#watchesOver = resolve;
    });
  }

  /** Who sent this, or whom it acts as. Throws 401. For routes beside the API. */
  async identify(head: RequestHead): Promise<UserInfo> {
    const { sender, impersonated } = await this.#identification.identify(head);
    return impersonated ?? sender;
  }

  /** Undefined when the answer is out already; otherwise resolves then, or when the watch has begun. Never fails. */
  handle(exchange: Exchange): Promise<void> | undefined {
    if (this.#isAnsweredFirst(exchange)) return undefined;
    const visit = this.#begin(exchange);
    if (visit === undefined) return undefined;
    try {
      const user = this.#deps.auditor() === undefined ? this.#identification.known(exchange) : undefined;
      const done = user === undefined ? this.#serveLater(visit) : this.#serveNow(visit, user);
      if (done !== undefined) return this.#finishLater(visit, done);
    } catch (error) {
      this.#fail(error, visit);
    }
    this.#finish(visit);
    return undefined;
  }

  /** Before it is looked at what is asked, and who asks. */
  #isAnsweredFirst(exchange: Exchange): boolean {
    const isLate = this.#drain.refuses(exchange);
    const { sendsRetryAfter } = this.#deps.serving;
    if (!isLate || !sendsRetryAfter) this.#first?.mark(exchange);
    if (isLate) refuseLate(exchange, sendsRetryAfter ? comeAgain : shuttingDown);
    return isLate || this.#first?.answers(exchange) === true;
  }

  /** Undefined: it was refused for its path. */
  #begin(exchange: Exchange): Visit | undefined {
    const { clock, random } = this.#deps;
    const begun = clock.monotonic();
    const auditId = auditIdOf(headerOf(exchange, "audit-id"), random);
    exchange.setHeader("audit-id", auditId);
    try {
      const target = this.#targets.of(exchange.method, exchange.url);
      const plainKind = target.kind ?? this.#kindOf(target);
      const kind = isApply(exchange) ? plainKind.applied : plainKind;
      const isAwaited = !hasNoEnd(target.info, target.query);
      if (isAwaited) this.#drain.enter();
      return {
        exchange,
        target,
        kind,
        auditId,
        begun,
        shape: this.#plain,
        call: undefined,
        isFollowed: false,
        isAwaited,
      };
    } catch (error) {
      sendStatus(this.#responseOf(exchange, this.#failureShape(exchange)), statusErrorOf(error).status);
      return undefined;
    }
  }

  async #finishLater(visit: Visit, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (error) {
      const status = this.#fail(error, visit);
      await visit.call?.record?.complete(status?.code ?? visit.exchange.status, status);
    } finally {
      this.#finish(visit);
    }
  }

  #finish(visit: Visit): void {
    this.#stopAwaiting(visit);
    if (!visit.isFollowed) this.#count(visit);
  }

  #stopAwaiting(visit: Visit): void {
    if (!visit.isAwaited) return;
    visit.isAwaited = false;
    this.#drain.leave();
  }

  #count({ exchange, kind, begun, call }: Counted): void {
    const { status, bodyBytes } = exchange;
    const code = status === switched ? takenOver : status;
    const ms = this.#deps.clock.monotonic() - begun;
    this.#deps.metrics.over(kind, call, { code, ms, bodyBytes });
  }

  /** The longer way: who asks must be found out, or all of it is to be told. */
  async #serveLater(visit: Visit): Promise<void> {
    const { auditId, exchange, target } = visit;
    const asked = { auditId, head: exchange, info: target.info };
    let asker: Awaited<ReturnType<typeof identifyAudited>>;
    try {
      asker = await this.#identify(asked);
    } catch (error) {
      if (!(error instanceof AuditLostError)) throw error;
      const response = this.#responseOf(exchange, visit.shape);
      await respond(internalFailure(target, error.message), response, this.#respondDeps);
      return;
    }
    const { sender, impersonated, record } = asker;
    const impersonator = impersonated === undefined ? undefined : sender;
    await this.#serve(this.#callOf(visit, { user: impersonated ?? sender, impersonator, record }), visit);
  }

  #serveNow(visit: Visit, user: UserInfo): Promise<void> | undefined {
    return this.#serve(this.#callOf(visit, { user }), visit);
  }

  #callOf(visit: Visit, who: Pick<CallParts, "user" | "impersonator" | "record">): HttpCall {
    const { exchange, target } = visit;
    const onClose = (run: () => void): unknown => exchange.onClose(run);
    const call = new HttpCall({ head: exchange, target, kind: visit.kind, ...who, onClose });
    visit.call = call;
    if (who.user.name === anonymous.name && hasSpacedToken(exchange)) call.warn(spacedToken);
    try {
      this.#negotiate(visit);
    } catch (error) {
      // Told only to who may have an answer at all.
      call.unacceptable = error as Error;
    }
    return call;
  }

  #serve(call: HttpCall, visit: Visit): Promise<void> | undefined {
    const answer = seated(call, visit, this.#deps);
    if (answer instanceof Promise) return answer.then((late) => this.#answer(late, call, visit));
    return this.#answer(answer, call, visit);
  }

  #answer(answer: Answer, call: HttpCall, visit: Visit): Promise<void> | undefined {
    const { exchange, shape } = visit;
    const response = this.#responseOf(exchange, shape, call.warnings);
    if (answer.kind === "watch") {
      // Not awaited: a watch lives long, and all that belongs to its request can go.
      visit.isFollowed = true;
      const events = this.#deps.metrics.watchEvents(call.info);
      const { kind, begun } = visit;
      const counted = { exchange, kind, begun, call: followed };
      const listed = (): void => {
        const ms = this.#deps.clock.monotonic() - begun;
        this.#deps.metrics.watchLists(call.info).observe(ms / 1000);
      };
      void this.#follow(answer, { ...response, kind, events, listed }, call.record, () => {
        this.#count(counted);
      });
      return undefined;
    }
    if (isLongRunning(call.info)) call.record?.started(statusOf(answer, exchange));
    // Who passes a body on stops reading it when the other side has answered; what is left would stay in the way.
    if (isConnect(call.info) || this.#deps.isRemote(call.info)) this.#leaveUnread(exchange);
    if (isEventStream(answer)) this.#stopAwaiting(visit);
    const over = visit.isAwaited ? undefined : this.#drain.stopping;
    const sent = respond(answer, { ...response, over }, this.#respondDeps);
    if (sent !== undefined || call.record !== undefined) return this.#sent(answer, call, response, sent);
    call.isAnswered = true;
    return undefined;
  }

  async #sent(
    answer: Answer,
    call: HttpCall,
    { exchange, shape }: Response,
    sent: Promise<void> | undefined,
  ): Promise<void> {
    await sent;
    call.isAnswered = true;
    await call.record?.complete(exchange.status, answer, () => otherShape(answer, shape));
  }

  async #follow(
    answer: WatchAnswer,
    response: KnownResponse,
    record: AuditRecord | undefined,
    finished: () => void,
  ): Promise<void> {
    const { exchange } = response;
    this.#watches.add(answer.items);
    record?.started(statusOf(answer, exchange));
    try {
      await respond(answer, response, this.#respondDeps);
    } catch (error) {
      this.#tell(error, response);
    } finally {
      this.#watches.delete(answer.items);
      if (this.#watches.size === 0) this.#watchesOver?.();
      finished();
      await record?.complete(exchange.status, undefined);
    }
  }

  #responseOf(exchange: Exchange, shape: Shape, warnings?: ReadonlySet<string>): Response {
    return { exchange, shape, warnings };
  }

  #kindOf(target: Target): RequestKind {
    const { info, query } = target;
    const isKnown = !info.isResourceRequest || this.#deps.isServed(info);
    const kind = this.#deps.metrics.kindOf(info, query, isKnown);
    // What isn't served yet may be served later, and otherwise.
    if (isKnown) target.kind = kind;
    return kind;
  }

  /** Throws 406. */
  #negotiate(visit: Visit): void {
    const { exchange, target } = visit;
    const { info, query } = target;
    if (!info.isResourceRequest || isConnect(info)) return;
    const accept = headerOf(exchange, "accept");
    const isHuman = isHumanAgent(headerOf(exchange, "user-agent"));
    if (target.shape?.accept === accept && target.shape.isHuman === isHuman) {
      visit.shape = target.shape.shape;
      return;
    }
    const limits = { hasProtobuf: this.#deps.hasProtobuf(info), hasTable: !isOnlyAnswered(info) };
    const shape = negotiateShape({ accept, query, isHuman }, this.#deps, limits);
    if (info.verb === "watch") assertStreams(shape);
    visit.shape = shape;
    if (target.kind !== undefined) target.shape = { accept, isHuman, shape };
  }

  /** How a failure is told: as the client would like it, without the shapes that only resources have. */
  #failureShape(head: RequestHead): Shape {
    const mark = head.url.indexOf("?");
    const query = new URLSearchParams(mark < 0 ? "" : head.url.slice(mark + 1));
    const isHuman = isHumanAgent(headerOf(head, "user-agent"));
    return negotiateFailure({ accept: headerOf(head, "accept"), query, isHuman }, this.#deps);
  }

  #identify(asked: Asked): ReturnType<typeof identifyAudited> {
    return identifyAudited(asked, this.#identification, this.#deps.auditor());
  }

  /** The rest of a body that is too long, or too slow, isn't waited for. */
  #leaveUnread(exchange: Exchange): void {
    if (exchange.isRead) return;
    exchange.refuseRest();
    exchange.onFinish(() => {
      const cancel = this.#deps.clock.after(readAnswerMs, () => {
        exchange.cutOff();
      });
      exchange.onClose(cancel);
    });
  }

  #fail(error: unknown, { exchange, shape, call, kind }: Visit): Status | undefined {
    return this.#tell(error, { ...this.#responseOf(exchange, shape, call?.warnings), kind });
  }

  /** What the client is told, or would have been. */
  #tell(error: unknown, response: KnownResponse): Status | undefined {
    if (error instanceof ClientGoneError) return undefined;
    if (error instanceof DroppedError) {
      void respond(droppedAnswer(error), response, this.#respondDeps);
      return undefined;
    }
    const { status } = statusErrorOf(error);
    const { exchange } = response;
    if (isOwnFault(error)) {
      this.#deps.log.error("request failed", { method: exchange.method, path: exchange.url, error });
    }
    if (exchange.isHeadSent) {
      // Too late for a Status: the client must see that the answer is broken off.
      this.#deps.metrics.endings.aborted(response.kind.labels);
      exchange.destroy();
      return status;
    }
    if (status.code === 413 || status.code === 504) this.#leaveUnread(exchange);
    sendStatus({ ...response, shape: this.#failureShape(exchange) }, status);
    return status;
  }
}

const spacedToken =
  "the provided Authorization header contains extra space before the bearer token, and is ignored";

const switched = 101;

/** That its answer begins with. */
function statusOf(answer: Answer, exchange: Exchange): number {
  const status = "status" in answer ? answer.status : 200;
  return status === 200 && exchange.webSocket !== undefined ? switched : status;
}

/** Who is cut off at once loses the answer with it. upstream: rstAvoidanceDelay of Go's server */
const readAnswerMs = 500;

const applyTypes = new Set(["application/apply-patch+yaml", "application/apply-patch+cbor"]);

const isApply = (head: RequestHead): boolean =>
  head.method === "PATCH" && applyTypes.has(headerOf(head, "content-type"));
