/** The apps group in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from "../generated/types/apps-v1.ts";
import { formatLabels, formatSelector, SelectorError, selectorOf } from "../meta/labels.ts";
import type { LabelSelectorSpec } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { controllerOf, parseApiVersion, qualifiedResource, type KubeObject } from "../meta/object.ts";
import { ageOf, columns, containerCells, nameOf, type Cell, type PrintersByKind } from "../meta/printer.ts";

/** Unlike other workloads, a Deployment shows its selector bare. */
function bareSelector(selector: LabelSelectorSpec | undefined): string {
  try {
    return selectorOf(selector).toString();
  } catch (error) {
    if (error instanceof SelectorError) return "<invalid>";
    throw error;
  }
}

function deploymentCells(deployment: Loose<Deployment>, nowMs: number): readonly Cell[] {
  const { spec, status } = deployment;
  return [
    nameOf(deployment),
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    ageOf(deployment, nowMs),
    ...containerCells(spec?.template?.spec?.containers),
    bareSelector(spec?.selector),
  ];
}

function replicaSetCells(set: Loose<ReplicaSet>, nowMs: number): readonly Cell[] {
  const { spec, status } = set;
  return [
    nameOf(set),
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageOf(set, nowMs),
    ...containerCells(spec?.template?.spec?.containers),
    formatSelector(spec?.selector),
  ];
}

function daemonSetCells(set: Loose<DaemonSet>, nowMs: number): readonly Cell[] {
  const { spec, status } = set;
  const podSpec = spec?.template?.spec;
  const counts = [
    status?.desiredNumberScheduled,
    status?.currentNumberScheduled,
    status?.numberReady,
    status?.updatedNumberScheduled,
    status?.numberAvailable,
  ];
  return [
    nameOf(set),
    ...counts.map((count) => count ?? 0),
    formatLabels(podSpec?.nodeSelector),
    ageOf(set, nowMs),
    ...containerCells(podSpec?.containers),
    formatSelector(spec?.selector),
  ];
}

function statefulSetCells(set: Loose<StatefulSet>, nowMs: number): readonly Cell[] {
  const { spec, status } = set;
  return [
    nameOf(set),
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    ageOf(set, nowMs),
    ...containerCells(spec?.template?.spec?.containers),
  ];
}

function controllerText(object: KubeObject): string {
  const owner = controllerOf(object);
  if (owner === undefined) return "<none>";
  const kind = qualifiedResource(parseApiVersion(owner.apiVersion).group, owner.kind);
  return `${kind.toLowerCase()}/${owner.name}`;
}

export const appsPrinters: PrintersByKind = {
  ControllerRevision: {
    columns: columns("Name~|Controller|Revision|Age"),
    cells: (revision: ControllerRevision, nowMs: number) => [
      nameOf(revision),
      controllerText(revision),
      revision.revision,
      ageOf(revision, nowMs),
    ],
  },
  DaemonSet: {
    columns: columns(
      "Name~|Desired#|Current#|Ready#|Up-to-date#|Available#|Node Selector|Age|Containers*|Images*|Selector*",
    ),
    cells: daemonSetCells,
  },
  Deployment: {
    columns: columns("Name~|Ready|Up-to-date|Available|Age|Containers*|Images*|Selector*"),
    cells: deploymentCells,
  },
  ReplicaSet: {
    columns: columns("Name~|Desired#|Current#|Ready#|Age|Containers*|Images*|Selector*"),
    cells: replicaSetCells,
  },
  StatefulSet: {
    columns: columns("Name~|Ready|Age|Containers*|Images*"),
    cells: statefulSetCells,
  },
};
