/** The core group in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  ComponentStatus,
  ConfigMap,
  Namespace,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from "../generated/types/core-v1.ts";
import { formatLabels } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import {
  ageOf,
  amountText,
  columns,
  containerCells,
  nameOf,
  type Cell,
  type PrintersByKind,
} from "../meta/printer.ts";
import { eventPrinter } from "./event-columns.ts";
import { nodePrinter } from "./node-columns.ts";
import { podPrinter } from "./pod-columns.ts";
import { endpointsPrinter, servicePrinter } from "./service-columns.ts";
import { persistentVolumeClaimPrinter, persistentVolumePrinter } from "./volume-columns.ts";

const sizeOf = (map: object | undefined): number => Object.keys(map ?? {}).length;

function quotaText({ status }: Loose<ResourceQuota>, isLimit: boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => name.startsWith("limits.") === isLimit)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${amountText(status?.used?.[name])}/${amountText(hard)}`)
    .join(", ");
}

function componentCells({ metadata, conditions }: Loose<ComponentStatus>): readonly Cell[] {
  const healthy = conditions?.find(({ type }) => type === "Healthy");
  const word = healthy === undefined ? "Unknown" : healthy.status === "True" ? "Healthy" : "Unhealthy";
  return [metadata?.name ?? "", word, healthy?.message ?? "", healthy?.error ?? ""];
}

export const corePrinters: PrintersByKind = {
  ComponentStatus: { columns: columns("Name~|Status|Message|Error"), cells: componentCells },
  ConfigMap: {
    columns: columns("Name~|Data|Age"),
    cells: (map: Loose<ConfigMap>, nowMs: number) => [
      nameOf(map),
      sizeOf(map.data) + sizeOf(map.binaryData),
      ageOf(map, nowMs),
    ],
  },
  Endpoints: endpointsPrinter,
  Event: eventPrinter,
  Namespace: {
    columns: columns("Name~|Status|Age"),
    cells: (namespace: Loose<Namespace>, nowMs: number) => [
      nameOf(namespace),
      namespace.status?.phase ?? "",
      ageOf(namespace, nowMs),
    ],
  },
  Node: nodePrinter,
  PersistentVolume: persistentVolumePrinter,
  PersistentVolumeClaim: persistentVolumeClaimPrinter,
  Pod: podPrinter,
  PodTemplate: {
    columns: columns("Name~|Containers|Images|Pod Labels"),
    cells: (object: Loose<PodTemplate>) => [
      nameOf(object),
      ...containerCells(object.template?.spec?.containers),
      formatLabels(object.template?.metadata?.labels),
    ],
  },
  ReplicationController: {
    columns: columns("Name~|Desired#|Current#|Ready#|Age|Containers*|Images*|Selector*"),
    cells: (controller: Loose<ReplicationController>, nowMs: number) => [
      nameOf(controller),
      controller.spec?.replicas ?? 0,
      controller.status?.replicas ?? 0,
      controller.status?.readyReplicas ?? 0,
      ageOf(controller, nowMs),
      ...containerCells(controller.spec?.template?.spec?.containers),
      formatLabels(controller.spec?.selector),
    ],
  },
  ResourceQuota: {
    columns: columns("Name~|Request|Limit|Age"),
    cells: (quota: Loose<ResourceQuota>, nowMs: number) => [
      nameOf(quota),
      quotaText(quota, false),
      quotaText(quota, true),
      ageOf(quota, nowMs),
    ],
  },
  Secret: {
    columns: columns("Name~|Type|Data|Age"),
    cells: (secret: Loose<Secret>, nowMs: number) => [
      nameOf(secret),
      secret.type ?? "",
      sizeOf(secret.data),
      ageOf(secret, nowMs),
    ],
  },
  Service: servicePrinter,
  ServiceAccount: {
    columns: columns("Name~|Secrets|Age"),
    cells: (account: Loose<ServiceAccount>, nowMs: number) => [
      nameOf(account),
      (account.secrets ?? []).length,
      ageOf(account, nowMs),
    ],
  },
};
