/**
 * How much of the server a request takes: a list by how much it has in memory at once.
 * upstream: apiserver/pkg/util/flowcontrol/request/list_work_estimator.go, with SizeBasedListCostEstimate
 */
import type { RequestInfo } from "#apiserver/request/info.ts";

const bytesPerSeat = 100_000;
/** What is served from memory goes out part by part. */
const cachedBytesMax = 1_000_000;
const listSeatsMax = 100;

/** All objects of a resource. */
export interface StoredSize {
  readonly objects: number;
  readonly bytes: number;
}

/** Of "pods", "deployments.apps"; undefined when it is not stored here. */
export type MeasureObjects = (info: RequestInfo) => StoredSize | undefined;

/** `seatsMax`: of one request of its level. */
export function seatsOf(
  info: RequestInfo,
  query: URLSearchParams,
  measure: MeasureObjects,
  seatsMax = Number.POSITIVE_INFINITY,
): number {
  if (!sendsState(info, query)) return 1;
  const stored = measure(info);
  if (stored === undefined) return 1;
  const most = Math.min(listSeatsMax, seatsMax);
  const limit = Number(query.get("limit") ?? "0");
  // It will be refused.
  if (!Number.isInteger(limit)) return most;
  const isCached = info.verb === "watch" || !isFromStore(query, limit);
  const objects = loadedOf(info, query, { stored, limit, isCached });
  const bytes = stored.objects === 0 ? 0 : objects * Math.trunc(stored.bytes / stored.objects);
  const atOnce = isCached ? Math.min(bytes, cachedBytesMax) : bytes;
  return Math.min(most, Math.max(1, Math.ceil(atOnce / bytesPerSeat)));
}

const isNewest = (query: URLSearchParams): boolean => ["", "0"].includes(query.get("resourceVersion") ?? "");

/** Also a watch begins with all there is, unless it goes on from a revision. */
function sendsState({ verb }: RequestInfo, query: URLSearchParams): boolean {
  if (verb !== "watch") return verb === "list";
  return query.get("sendInitialEvents") === "true" || isNewest(query);
}

/** A list of the past, or the next part of one. */
function isFromStore(query: URLSearchParams, limit: number): boolean {
  if ((query.get("continue") ?? "") !== "") return true;
  const match = query.get("resourceVersionMatch") ?? "";
  return match === "Exact" || (match === "" && limit > 0 && !isNewest(query));
}

function loadedOf(
  { name }: RequestInfo,
  query: URLSearchParams,
  {
    stored,
    limit,
    isCached,
  }: { readonly stored: StoredSize; readonly limit: number; readonly isCached: boolean },
): number {
  if (name !== "") return 1;
  const asked = limit > 0 ? Math.min(limit, stored.objects) : stored.objects;
  const isSelected = (query.get("labelSelector") ?? "") !== "" || (query.get("fieldSelector") ?? "") !== "";
  return isSelected && !isCached ? Math.max(asked, Math.trunc(stored.objects / 2)) : asked;
}
