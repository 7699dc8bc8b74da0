/**
 * What priority and fairness is doing now, as upstream's tables for people who look into it.
 * upstream: apiserver/pkg/util/flowcontrol/apf_controller_debug.go
 */
import { toRfc3339Micro, type Clock } from "#base/clock.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { FlowControl } from "./flow-control.ts";
import { expectedMs, type Queue } from "./priority-level.ts";

/** A request that waits or runs. */
export interface FlowRequestState {
  readonly levelName: string;
  /** The schema's name, then what sets its flow apart. */
  readonly flow: string;
  readonly seats: number;
  readonly userName: string;
  readonly info: RequestInfo | undefined;
  /** Of the clock's monotonic time. */
  readonly arrived: number;
  readonly started: number | undefined;
}

const prefix = "/debug/api_priority_and_fairness/";
const cellMin = 8;

/** Undefined for another path. */
export function flowDump(
  path: string,
  query: URLSearchParams,
  flow: FlowControl,
  clock: Clock,
): string | undefined {
  switch (path) {
    case `${prefix}dump_priority_levels`:
      return tableOf(levelRows(flow));
    case `${prefix}dump_queues`:
      return tableOf(queueRows(flow));
    case `${prefix}dump_requests`:
      return tableOf(requestRows(flow, (query.get("includeRequestDetails") ?? "") !== "", clock));
    default:
      return undefined;
  }
}

type Row = readonly string[];

function levelRows(flow: FlowControl): Row[] {
  const levels = [...flow.levels].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rows = levels.map((level): Row => {
    const counts = flow.countsOf(level.name);
    const active = level.queues.filter(({ waiting }) => waiting.length > 0).length;
    const isIdle = counts.executing === 0 && level.waiting === 0;
    const { dispatched, rejected, timedOut, cancelled } = counts;
    const numbers = [level.waiting, counts.executing, dispatched, rejected, timedOut, cancelled];
    return [level.name, String(active), String(isIdle), "false", ...numbers.map(String)];
  });
  return [
    [
      "PriorityLevelName",
      "ActiveQueues",
      "IsIdle",
      "IsQuiescing",
      "WaitingRequests",
      "ExecutingRequests",
      "DispatchedRequests",
      "RejectedRequests",
      "TimedoutRequests",
      "CancelledRequests",
    ],
    ...rows,
  ];
}

/** Seconds of seats, as upstream writes them. */
const seatSeconds = (ms: number): string => `${(ms / 1000).toFixed(8)}ss`;

function queueRow(levelName: string, index: number, { waiting, executing, running, served }: Queue): Row {
  const seats = waiting.reduce((sum, each) => sum + each.seats, 0);
  const numbers = [index, waiting.length, running, executing];
  const sums = [String(seats), String(seats), seatSeconds(seats * expectedMs)];
  return [levelName, ...numbers.map(String), seatSeconds(served), ...sums];
}

const queueRows = (flow: FlowControl): Row[] => [
  [
    "PriorityLevelName",
    "Index",
    "PendingRequests",
    "ExecutingRequests",
    "SeatsInUse",
    "NextDispatchR",
    "InitialSeatsSum",
    "MaxSeatsSum",
    "TotalWorkSum",
  ],
  ...[...flow.levels].flatMap(({ name, queues }) =>
    queues.map((queue, index) => queueRow(name, index, queue)),
  ),
];

const requestHeads = [
  "PriorityLevelName",
  "FlowSchemaName",
  "QueueIndex",
  "RequestIndexInQueue",
  "FlowDistingsher",
  "ArriveTime",
  "InitialSeats",
  "FinalSeats",
  "AdditionalLatency",
  "StartTime",
];
const detailHeads = [
  "UserName",
  "Verb",
  "APIPath",
  "Namespace",
  "Name",
  "APIVersion",
  "Resource",
  "SubResource",
];

function requestRows(flow: FlowControl, isDetailed: boolean, clock: Clock): Row[] {
  const timeOf = (monotonic: number): string => toRfc3339Micro(clock.now() - (clock.monotonic() - monotonic));
  const row = (request: FlowRequestState, queue: number, index: number): Row => {
    const { levelName, seats, arrived, started } = request;
    const [schema = "", distinguisher = ""] = request.flow.split("\n");
    const start = started === undefined ? "0001-01-01T00:00:00Z" : timeOf(started);
    const place = [levelName, schema, String(queue), String(index), distinguisher];
    const times = [timeOf(arrived), String(seats), "0", "0s", start];
    return [...place, ...times, ...(isDetailed ? details(request) : [])];
  };
  const waiting = [...flow.levels].flatMap(({ queues }) =>
    queues.flatMap((queue, at) =>
      queue.waiting.flatMap(({ request }, index) => (request === undefined ? [] : [row(request, at, index)])),
    ),
  );
  const running = [...flow.running].map((request) => row(request, -1, -1));
  return [isDetailed ? [...requestHeads, ...detailHeads] : requestHeads, ...waiting, ...running];
}

function details({ userName, info }: FlowRequestState): Row {
  if (info === undefined) return [userName, "", "", "", "", "", "", ""];
  const { verb, path, namespace, name, group, version, resource, subresource } = info;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return [userName, verb, path, namespace, name, apiVersion, resource, subresource];
}

/** Columns as wide as their widest cell. upstream: text/tabwriter */
function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : `${cell},`)));
  const widths = (cells[0] ?? []).map((_, at) =>
    cells.reduce((width, row) => Math.max(width, (row[at] ?? "").length + 1), cellMin),
  );
  const line = (row: Row): string =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("");
  return cells.map((row) => `${line(row)}\n`).join("");
}
