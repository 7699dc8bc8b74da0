/** What a pod is doing, in a word. upstream: pkg/printers/internalversion/printers.go (printPod) */
import { parseTime } from "#base/clock.ts";
import { firstBy } from "#base/first-by.ts";
import type { Container, ContainerState, ContainerStatus, Pod } from "../generated/types/core-v1.ts";
import { humanDuration } from "../meta/duration.ts";
import type { Loose } from "../meta/loose.ts";
import {
  ageOf,
  columns,
  nameOf,
  orNone,
  type Cell,
  type Printer,
  type RowCondition,
} from "../meta/printer.ts";

interface Restarts {
  readonly count: number;
  /** When the last of them ended, in ms. */
  readonly lastMs: number | undefined;
}

const noRestarts: Restarts = { count: 0, lastMs: undefined };

function addRestarts(sum: Restarts, status: Loose<ContainerStatus>): Restarts {
  const finished = status.lastState?.terminated?.finishedAt;
  const ms = finished === undefined ? Number.NaN : parseTime(finished);
  const isLater = !Number.isNaN(ms) && (sum.lastMs === undefined || ms > sum.lastMs);
  return { count: sum.count + (status.restartCount ?? 0), lastMs: isLater ? ms : sum.lastMs };
}

function exitText(terminated: Loose<NonNullable<ContainerState["terminated"]>>): string {
  if (terminated.reason !== undefined && terminated.reason !== "") return terminated.reason;
  return terminated.signal === undefined || terminated.signal === 0
    ? `ExitCode:${terminated.exitCode ?? 0}`
    : `Signal:${terminated.signal}`;
}

interface View {
  readonly reason: string;
  readonly ready: number;
  readonly restarts: Restarts;
}

interface InitView extends View {
  readonly initializing: boolean;
  /** Of the sidecars alone: the others don't count once the pod is up. */
  readonly sidecarRestarts: Restarts;
}

const isSidecar = (container: Loose<Container> | undefined): boolean => container?.restartPolicy === "Always";

/** Why the pod still waits for this init container; undefined when it doesn't. */
function initReason(
  { state }: Loose<ContainerStatus>,
  { index, total }: { readonly index: number; readonly total: number },
): string {
  if (state?.terminated !== undefined) return `Init:${exitText(state.terminated)}`;
  const waiting = state?.waiting?.reason ?? "";
  return waiting === "" || waiting === "PodInitializing" ? `Init:${index}/${total}` : `Init:${waiting}`;
}

function viewInit(pod: Loose<Pod>, reason: string): InitView {
  const containers = pod.spec?.initContainers ?? [];
  const byName = firstBy(containers, ({ name }) => name);
  let ready = 0;
  let restarts = noRestarts;
  let sidecarRestarts = noRestarts;
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(byName.get(status.name));
    restarts = addRestarts(restarts, status);
    if (sidecar) sidecarRestarts = addRestarts(sidecarRestarts, status);
    if (status.state?.terminated !== undefined && (status.state.terminated.exitCode ?? 0) === 0) continue;
    if (sidecar && status.started === true) {
      if (status.ready === true) ready += 1;
      continue;
    }
    const waitsFor = initReason(status, { index, total: containers.length });
    return { reason: waitsFor, ready, restarts, sidecarRestarts, initializing: true };
  }
  return { reason, ready, restarts, sidecarRestarts, initializing: false };
}

function containerReason({ state }: Loose<ContainerStatus>): string | undefined {
  const waiting = state?.waiting?.reason;
  if (waiting !== undefined && waiting !== "") return waiting;
  return state?.terminated === undefined ? undefined : exitText(state.terminated);
}

function viewContainers(pod: Loose<Pod>, init: InitView): View {
  let { reason, ready } = init;
  let restarts = init.sidecarRestarts;
  let hasRunning = false;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    restarts = addRestarts(restarts, status);
    const own = containerReason(status);
    if (own !== undefined) reason = own;
    else if (status.ready === true && status.state?.running !== undefined) {
      hasRunning = true;
      ready += 1;
    }
  }
  // One that still runs outweighs the others' end.
  if (reason === "Completed" && hasRunning) reason = isTrue(pod, "Ready") ? "Running" : "NotReady";
  return { reason, ready, restarts };
}

const isTrue = (pod: Loose<Pod>, type: string): boolean =>
  pod.status?.conditions?.find((condition) => condition.type === type)?.status === "True";

function baseReason({ status }: Loose<Pod>): string {
  const gated = status?.conditions?.some(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
  if (gated === true) return "SchedulingGated";
  return status?.reason === undefined || status.reason === "" ? (status?.phase ?? "") : status.reason;
}

function finalReason({ metadata, status }: Loose<Pod>, reason: string): string {
  if (metadata?.deletionTimestamp === undefined) return reason;
  if (status?.reason === "NodeLost") return "Unknown";
  return status?.phase === "Succeeded" || status?.phase === "Failed" ? reason : "Terminating";
}

function viewPod(pod: Loose<Pod>): View {
  const init = viewInit(pod, baseReason(pod));
  const view = !init.initializing || isTrue(pod, "Initialized") ? viewContainers(pod, init) : init;
  return { ...view, reason: finalReason(pod, view.reason) };
}

function restartText({ count, lastMs }: Restarts, nowMs: number): string {
  if (count === 0 || lastMs === undefined) return String(count);
  return `${count} (${humanDuration(nowMs - lastMs)} ago)`;
}

function gatesText(pod: Loose<Pod>): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  return `${gates.filter(({ conditionType = "" }) => isTrue(pod, conditionType)).length}/${gates.length}`;
}

function podCells(pod: Loose<Pod>, nowMs: number): readonly Cell[] {
  const { reason, ready, restarts } = viewPod(pod);
  const { spec, status } = pod;
  const total = (spec?.containers ?? []).length + (spec?.initContainers ?? []).filter(isSidecar).length;
  return [
    nameOf(pod),
    `${ready}/${total}`,
    reason,
    restartText(restarts, nowMs),
    ageOf(pod, nowMs),
    orNone(status?.podIPs?.[0]?.ip ?? status?.podIP),
    orNone(spec?.nodeName),
    orNone(status?.nominatedNodeName),
    gatesText(pod),
  ];
}

/** kubectl hides rows that are done when it watches. */
function podConditions({ status }: Loose<Pod>): readonly RowCondition[] {
  const done = { type: "Completed", status: "True" };
  switch (status?.phase) {
    case "Succeeded":
      return [{ ...done, reason: "Succeeded", message: "The pod has completed successfully." }];
    case "Failed":
      return [{ ...done, reason: "Failed", message: "The pod failed." }];
    case undefined:
    default:
      return [];
  }
}

export const podPrinter: Printer = {
  columns: columns("Name~|Ready|Status|Restarts|Age|IP*|Node*|Nominated Node*|Readiness Gates*"),
  cells: podCells,
  conditions: podConditions,
};
