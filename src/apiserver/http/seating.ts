/** A request's turn: when there is room for it, and for no longer than it may take. */
import { DurationError, goDurationMs } from "#api/meta/duration.ts";
import { badRequestError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
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
  readonly turns: Turns;
  /** Requests other than watches and connects are given up after this. */
  readonly requestTimeoutMs: number;
}

/** upstream: apiserver/pkg/endpoints/handlers/rest.go requestTimeoutUpperBound */
const writeMsMax = 34_000;
const isWrite = (verb: string): boolean => verb !== "get" && verb !== "list" && verb !== "watch";
const lateText = "request did not complete within the allotted timeout";
const cutText = "request did not complete within requested timeout - context deadline exceeded";

type Work = () => Answer | Promise<Answer>;

/** Lets a request be worked on, at once or when it is its turn. Throws DroppedError. */
export type Turns = (
  call: HttpCall,
  visit: Pick<Seated, "exchange" | "target">,
  work: Work,
) => ReturnType<Work>;

interface Seated {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly kind: RequestKind;
}

/** What lasts takes no seat; a watch takes one until it has begun. Throws 400 for a timeout that is none. */
export function seated(call: HttpCall, visit: Seated, deps: SeatingDeps): Answer | Promise<Answer> {
  const { info, query } = call;
  const { chain, turns } = deps;
  const askedMs = isLongRunning(info) ? undefined : timeoutOf(query, deps.requestTimeoutMs);
  const isCut = askedMs !== undefined && askedMs > writeMsMax && info.isResourceRequest && isWrite(info.verb);
  const timeoutMs = isCut ? writeMsMax : askedMs;
  if (takesNoSeat(info)) return chain(call);
  const answer: Work = () => {
    const work = chain(call);
    return timeoutMs !== undefined && work instanceof Promise
      ? inTime(work, { timeoutMs, kind: visit.kind, message: isCut ? cutText : lateText }, deps)
      : work;
  };
  return turns(call, visit, answer);
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
