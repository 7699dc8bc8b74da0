/** When requests are worked on: as priority and fairness has it, or as many at once as there may be. upstream: apiserver/pkg/server/config.go */
import type { Logger } from "#base/log.ts";
import { flowDump } from "./flowcontrol/dump.ts";
import { followedFlow, type FollowedFlowDeps } from "./flowcontrol/followed-flow.ts";
import { InFlightLimit, type RequestLimits } from "./flowcontrol/in-flight.ts";
import { seatsOf, type MeasureObjects } from "./flowcontrol/seats.ts";
import type { Turns } from "./http/seating.ts";

export interface RequestTurnsOptions {
  readonly requestLimits: RequestLimits;
  /** Whether the limits are one, shared out by priority and fairness. */
  readonly isFair: boolean;
  readonly requestTimeoutMs: number;
}

export interface RequestTurnsDeps extends FollowedFlowDeps {
  readonly log: Logger;
  readonly measureObjects: MeasureObjects;
}

export interface RequestTurns {
  readonly turns: Turns;
  /** What who looks into it is shown; undefined for another path. */
  readonly dump: (path: string, query: URLSearchParams) => string | undefined;
}

export function requestTurns(
  { requestLimits, isFair, requestTimeoutMs }: RequestTurnsOptions,
  deps: RequestTurnsDeps,
): RequestTurns {
  if (!isFair) {
    deps.log.info("requests have no priorities", { ...requestLimits });
    const limit = new InFlightLimit(requestLimits, deps);
    return { turns: (call, _visit, work) => limit.run(call, work), dump: () => undefined };
  }
  const seats = requestLimits.reading + requestLimits.mutating;
  const flow = followedFlow({ seats, waitMaxMs: requestTimeoutMs / 4 }, deps);
  return {
    turns: (call, { exchange, target }, work) => {
      const classified = (target.flow = flow.classify(call, target.flow));
      exchange.setHeader("x-kubernetes-pf-flowschema-uid", classified.schemaUid);
      exchange.setHeader("x-kubernetes-pf-prioritylevel-uid", classified.levelUid);
      const { seatsMax } = classified.level;
      return flow.run(classified, seatsOf(call.info, call.query, deps.measureObjects, seatsMax), work, call);
    },
    dump: (path, query) => flowDump(path, query, flow, deps.clock),
  };
}
