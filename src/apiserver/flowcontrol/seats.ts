/** How much of the server a request takes. upstream: apiserver/pkg/util/flowcontrol/request/{list,mutating}_work_estimator.go */
import type { RequestInfo } from "#apiserver/request/info.ts";

const objectsPerSeat = 100;
const listSeatsMax = 10;

/** Objects of a resource ("pods", "deployments.apps"); undefined when it is not stored here. */
export type CountObjects = (info: RequestInfo) => number | undefined;

export function seatsOf(info: RequestInfo, query: URLSearchParams, count: CountObjects): number {
  const isStreamed = info.verb === "watch" && query.get("sendInitialEvents") === "true";
  if (info.verb !== "list" && !isStreamed) return 1;
  const stored = count(info) ?? 0;
  const limit = Number(query.get("limit") ?? "0");
  const asked = Number.isInteger(limit) && limit > 0 ? Math.min(limit, stored) : stored;
  return Math.min(listSeatsMax, Math.max(1, Math.ceil(asked / objectsPerSeat)));
}
