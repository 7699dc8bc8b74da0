/** Requests that ask to take over their connection: whom it is given to, and what becomes of those that don't get it. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { auditIdOf, AuditLostError, type Auditor, type AuditRecord } from "#apiserver/audit/auditor.ts";
import type { Chain } from "#apiserver/request/chain.ts";
import { isConnect, isLongRunning, type RequestInfo } from "#apiserver/request/info.ts";
import { internalFailure } from "#apiserver/request/refusals.ts";
import { identifyAudited } from "./audited-identity.ts";
import { comeAgain, shuttingDown, type Drain } from "./drain.ts";
import { headerOf, type RequestHead } from "./exchange.ts";
import { HttpCall } from "./http-call.ts";
import type { Identification } from "./identification.ts";
import { NodeRequestHead } from "./node-exchange.ts";
import {
  everyHeaders,
  isOwnFault,
  refuseUpgrade,
  refuseWith,
  refuseWithStatus,
  statusErrorOf,
} from "./refuse.ts";
import type { ServingOptions } from "./serving-options.ts";
import { takenOver, type RequestKind, type RequestMetrics } from "./metrics.ts";
import type { Target, Targets } from "./target.ts";

export interface UpgradesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  readonly serving: Pick<ServingOptions, "sendsRetryAfter">;
  /** Asked for each request: the policy's file is read when the server starts. */
  readonly auditor: () => Auditor | undefined;
  readonly chain: Chain;
  readonly metrics: RequestMetrics;
  /** Whether another server answers for its group and version. */
  readonly isRemote: (info: RequestInfo) => boolean;
}

/** What all requests of a door share. */
export interface Shared {
  readonly targets: Targets;
  readonly drain: Drain;
  readonly identification: Identification;
  readonly kindOf: (target: Target) => RequestKind;
}

export class Upgrades {
  readonly #deps: UpgradesDeps;
  readonly #shared: Shared;

  constructor(deps: UpgradesDeps, shared: Shared) {
    this.#deps = deps;
    this.#shared = shared;
  }

  /**
   * Whether a request that asks to take over its connection is for somebody who may let it. Others aren't asked that: they
   * answer it as any other, as Go's server does.
   */
  mayTakeOver(incoming: IncomingMessage): boolean {
    const request = new NodeRequestHead(incoming);
    try {
      const { info } = this.#shared.targets.of(request.method, request.url);
      return isConnect(info) || this.#deps.isRemote(info) || isWebSocketOf(request, info);
    } catch {
      return false;
    }
  }

  /** Of such a request: whether it is answered here, in messages, as others are. */
  tellsInMessages(incoming: IncomingMessage): boolean {
    const request = new NodeRequestHead(incoming);
    const { info } = this.#shared.targets.of(request.method, request.url);
    return !isConnect(info) && !this.#deps.isRemote(info) && isWebSocketOf(request, info);
  }

  /** Of such a request that isn't. Never rejects. */
  async handle(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { serving } = this.#deps;
    socket.on("error", () => undefined);
    const request = new NodeRequestHead(incoming);
    if (this.#shared.drain.refuses(request)) {
      refuseWith(socket, serving.sendsRetryAfter ? comeAgain : shuttingDown);
      return;
    }
    const target = this.#shared.targets.of(request.method, request.url);
    const counted = this.#begin(target);
    const code = await this.#take({ incoming, request, socket, head }, target, counted);
    const finish = (): void => {
      counted.finish(code);
    };
    if (code === takenOver && !socket.destroyed) socket.once("close", finish);
    else finish();
  }

  /** It is open from when it is handled until it is finished. */
  #begin(target: Target): Counted {
    const { clock, metrics } = this.#deps;
    const kind = this.#shared.kindOf(target);
    const begun = clock.monotonic();
    const counted: Counted = {
      kind,
      call: undefined,
      finish: (code) => {
        const ms = clock.monotonic() - begun;
        metrics.over(kind, counted.call, { code, ms, bodyBytes: 0 });
      },
    };
    return counted;
  }

  /** The code that it is answered with. */
  async #take(
    { incoming, request, socket, head }: Asking,
    target: Target,
    counted: Counted,
  ): Promise<number> {
    const auditId = auditIdOf(headerOf(request, "audit-id"), this.#deps.random);
    const every = everyHeaders(auditId);
    const onClose = (run: () => void): unknown => (socket.destroyed ? run() : socket.once("close", run));
    let record: AuditRecord | undefined;
    try {
      const asked = { auditId, head: request, info: target.info };
      const asker = await identifyAudited(asked, this.#shared.identification, this.#deps.auditor());
      const { sender, impersonated } = asker;
      record = asker.record;
      const call = new HttpCall({
        head: request,
        target,
        kind: counted.kind,
        user: impersonated ?? sender,
        impersonator: impersonated === undefined ? undefined : sender,
        upgrade: { socket, head, rawHeaders: incoming.rawHeaders },
        record,
        onClose,
      });
      counted.call = call;
      const answer = await this.#deps.chain(call);
      if (answer.kind === "hijacked") {
        record?.started(101);
        onClose(() => void record?.complete(101, undefined));
        return takenOver;
      }
      await refuseUpgrade(socket, answer, every);
      const code = "status" in answer ? answer.status : 400;
      await record?.complete(code, answer);
      return code;
    } catch (error) {
      if (error instanceof AuditLostError) {
        await refuseUpgrade(socket, internalFailure(target, error.message), every);
        return 500;
      }
      const { status } = statusErrorOf(error);
      const { code = 500 } = status;
      await record?.complete(code, status);
      if (isOwnFault(error)) this.#deps.log.error("request failed", { path: incoming.url, error });
      refuseWithStatus(socket, { status: code, object: status, every });
      return code;
    }
  }
}

interface Asking {
  readonly incoming: IncomingMessage;
  readonly request: NodeRequestHead;
  readonly socket: Duplex;
  readonly head: Buffer;
}

interface Counted {
  readonly kind: RequestKind;
  call: HttpCall | undefined;
  finish(code: number): void;
}

/** Watches, and logs. */
const isWebSocketOf = (head: RequestHead, info: RequestInfo): boolean =>
  isLongRunning(info) && head.method === "GET" && headerOf(head, "upgrade").toLowerCase() === "websocket";
