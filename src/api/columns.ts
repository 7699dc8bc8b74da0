/**
 * Tables: the columns that each kind has and what stands in them, `-o wide` included.
 * upstream: pkg/printers/internalversion/printers.go, apiserver/pkg/registry/rest/table.go
 */
import {
  admissionregistrationPrinters,
  earlyAdmissionregistrationPrinters,
} from "./admissionregistration/columns.ts";
import { appsPrinters } from "./apps/columns.ts";
import { autoscalingV1Printers, autoscalingV2Printers } from "./autoscaling/columns.ts";
import { batchPrinters } from "./batch/columns.ts";
import { certificatesPrinters, trustPrinters } from "./certificates/columns.ts";
import { corePrinters } from "./core/columns.ts";
import { newEventPrinter } from "./core/event-columns.ts";
import { discoveryPrinters } from "./discovery/columns.ts";
import { typesOf } from "./early-versions.ts";
import { flowcontrolPrinters } from "./flowcontrol/columns.ts";
import type { APIService } from "./generated/types/apiregistration-v1.ts";
import type { Lease } from "./generated/types/coordination-v1.ts";
import type { RuntimeClass } from "./generated/types/node-v1.ts";
import type { PriorityClass } from "./generated/types/scheduling-v1.ts";
import type { StorageVersionMigration } from "./generated/types/storagemigration-v1beta1.ts";
import type { Loose } from "./meta/loose.ts";
import { apiVersionOf, type KubeObject } from "./meta/object.ts";
import {
  ageOf,
  columns,
  nameOf,
  type Cell,
  type ColumnDefinition,
  type Printer,
  type PrintersByKind,
  type RowCondition,
  type ShownKind,
} from "./meta/printer.ts";
import { networkingPrinters } from "./networking/columns.ts";
import { policyPrinters } from "./policy/columns.ts";
import { rbacPrinters } from "./rbac/columns.ts";
import { resourcePrinters } from "./resource/columns.ts";
import { storagePrinters } from "./storage/columns.ts";

function availableText({ status }: Loose<APIService>): string {
  const available = status?.conditions?.find(({ type }) => type === "Available");
  if (available === undefined) return "Unknown";
  const { status: word = "", reason = "" } = available;
  return word === "True" || reason === "" ? word : `${word} (${reason})`;
}

const apiServicePrinter: Printer = {
  columns: columns("Name~|Service|Available|Age"),
  cells: (object: Loose<APIService>, nowMs: number) => {
    const service = object.spec?.service;
    return [
      nameOf(object),
      service === undefined ? "Local" : `${service.namespace ?? ""}/${service.name ?? ""}`,
      availableText(object),
      ageOf(object, nowMs),
    ];
  },
};

const leasePrinter: Printer = {
  columns: columns("Name~|Holder|Age"),
  cells: (lease: Loose<Lease>, nowMs: number) => [
    nameOf(lease),
    lease.spec?.holderIdentity ?? "",
    ageOf(lease, nowMs),
  ],
};

const runtimeClassPrinter: Printer = {
  columns: columns("Name~|Handler|Age"),
  cells: (runtime: Loose<RuntimeClass>, nowMs: number) => [
    nameOf(runtime),
    runtime.handler ?? "",
    ageOf(runtime, nowMs),
  ],
};

const priorityClassPrinter: Printer = {
  columns: columns("Name~|Value#|Global-Default?|Age|PreemptionPolicy"),
  cells: (priority: Loose<PriorityClass>, nowMs: number) => [
    nameOf(priority),
    priority.value ?? 0,
    priority.globalDefault ?? false,
    ageOf(priority, nowMs),
    priority.preemptionPolicy ?? "",
  ],
};

const storageMigrationPrinter: Printer = {
  columns: columns("Name~|Resource"),
  cells: (migration: Loose<StorageVersionMigration>) => {
    const { group = "", resource = "" } = migration.spec?.resource ?? {};
    return [nameOf(migration), group === "" ? resource : `${resource}.${group}`];
  },
};

const byApiVersion: Readonly<Record<string, PrintersByKind>> = {
  v1: corePrinters,
  "admissionregistration.k8s.io/v1": admissionregistrationPrinters,
  "admissionregistration.k8s.io/v1beta1": earlyAdmissionregistrationPrinters,
  "apiregistration.k8s.io/v1": { APIService: apiServicePrinter },
  "apps/v1": appsPrinters,
  "autoscaling/v1": autoscalingV1Printers,
  "autoscaling/v2": autoscalingV2Printers,
  "batch/v1": batchPrinters,
  "certificates.k8s.io/v1": certificatesPrinters,
  "certificates.k8s.io/v1beta1": trustPrinters,
  "coordination.k8s.io/v1": { Lease: leasePrinter },
  "discovery.k8s.io/v1": discoveryPrinters,
  "events.k8s.io/v1": { Event: newEventPrinter },
  "flowcontrol.apiserver.k8s.io/v1": flowcontrolPrinters,
  "networking.k8s.io/v1": networkingPrinters,
  "node.k8s.io/v1": { RuntimeClass: runtimeClassPrinter },
  "policy/v1": policyPrinters,
  "rbac.authorization.k8s.io/v1": rbacPrinters,
  "resource.k8s.io/v1": resourcePrinters,
  "scheduling.k8s.io/v1": { PriorityClass: priorityClassPrinter },
  "storage.k8s.io/v1": storagePrinters,
  "storagemigration.k8s.io/v1beta1": { StorageVersionMigration: storageMigrationPrinter },
};

/** Kinds that upstream prints no better. */
const plainPrinter: Printer = {
  columns: [
    ...columns("Name~"),
    { name: "Created At", type: "date", format: "", description: "", priority: 0 },
  ],
  cells: ({ metadata }: KubeObject) => [metadata?.name ?? "", metadata?.creationTimestamp ?? ""],
};

/** What all versions of a kind show is the same in all of them. */
const printedAs = (apiVersion: string): string =>
  apiVersion === "resource.k8s.io/v1beta1" ? "resource.k8s.io/v1" : typesOf(apiVersion);

const printerOf = (gvk: ShownKind): Printer =>
  gvk.printer ?? byApiVersion[printedAs(apiVersionOf(gvk))]?.[gvk.kind] ?? plainPrinter;

export const columnsOf = (gvk: ShownKind): readonly ColumnDefinition[] => printerOf(gvk).columns;

export interface RowCells {
  /** As many as columnsOf has entries. */
  readonly cells: readonly Cell[];
  readonly conditions?: readonly RowCondition[];
}

export function cellsOf(gvk: ShownKind, object: KubeObject, nowMs: number): RowCells {
  const { cells, conditions } = printerOf(gvk);
  const found = conditions?.(object as never) ?? [];
  return { cells: cells(object as never, nowMs), ...(found.length === 0 ? {} : { conditions: found }) };
}
