/** A request's turn: when priority and fairness lets it, and for no longer than it may take. */
import { DurationError, goDurationMs } from "#api/meta/duration.ts";
import { badRequestError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { FlowControl } from "#apiserver/flowcontrol/flow-control.ts";
import { seatsOf, type CountObjects } from "#apiserver/flowcontrol/seats.ts";
import type { Answer } from "#apiserver/request/call.ts";
import type { Chain } from "#apiserver/request/chain.ts";
import { isLongRunning, takesNoSeat } from "#apiserver/request/info.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpCall } from "./http-call.ts";
import { inTime } from "./in-time.ts";
import type { RequestKind, RequestMetrics } from "./metrics.ts";
import type { Target } from "./target.ts";

export interface SeatingDeps {
  readonly clock: Clock;
  readonly chain: Chain;
  readonly metrics: RequestMetrics;
  readonly flow: FlowControl;
  readonly countObjects: CountObjects;
  /** Requests other than watches and connects are given up after this. */
  readonly requestTimeoutMs: number;
}

/** upstream: apiserver/pkg/endpoints/handlers/rest.go requestTimeoutUpperBound */
const writeMsMax = 34_000;
const isWrite = (verb: string): boolean => verb !== "get" && verb !== "list" && verb !== "watch";
const lateText = "request did not complete within the allotted timeout";
const cutText = "request did not complete within requested timeout - context deadline exceeded";

interface Seated {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly kind: RequestKind;
}

/** What lasts takes no seat; a watch takes one until it has begun. Throws 400 for a timeout that is none. */
export function seated(
  call: HttpCall,
  { exchange, target, kind }: Seated,
  deps: SeatingDeps,
): Answer | Promise<Answer> {
  const { info, query } = call;
  const { chain, flow, countObjects } = deps;
  const askedMs = isLongRunning(info) ? undefined : timeoutOf(query, deps.requestTimeoutMs);
  const isCut = askedMs !== undefined && askedMs > writeMsMax && info.isResourceRequest && isWrite(info.verb);
  const timeoutMs = isCut ? writeMsMax : askedMs;
  if (takesNoSeat(info)) return chain(call);
  const classified = (target.flow = flow.classify(call, target.flow));
  exchange.setHeader("x-kubernetes-pf-flowschema-uid", classified.schemaUid);
  exchange.setHeader("x-kubernetes-pf-prioritylevel-uid", classified.levelUid);
  const answer = (): Answer | Promise<Answer> => {
    const work = chain(call);
    return timeoutMs !== undefined && work instanceof Promise
      ? inTime(work, { timeoutMs, kind, message: isCut ? cutText : lateText }, deps)
      : work;
  };
  return flow.run(classified, seatsOf(info, query, countObjects), answer, call);
}

/** What the client asks for, at most the server's own. upstream: apiserver/pkg/endpoints/filters/request_deadline.go */
function timeoutOf(query: URLSearchParams, maxMs: number): number {
  const text = query.get("timeout") ?? "";
  if (text === "") return maxMs;
  try {
    const asked = goDurationMs(text);
    return asked > 0 ? Math.min(asked, maxMs) : maxMs;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    throw badRequestError(`invalid timeout specified in the request URL - ${error.message}`, {
      cause: error,
    });
  }
}
