/** Dynamic resource allocation in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "../generated/types/resource-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, type Printer, type PrintersByKind } from "../meta/printer.ts";

function stateText({ metadata, status }: Loose<ResourceClaim>): string {
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const states = isDeleted ? ["deleted"] : [];
  if (status?.allocation === undefined) return isDeleted ? "deleted" : "pending";
  states.push("allocated");
  if ((status.reservedFor ?? []).length > 0) states.push("reserved");
  return states.join(",");
}

const agePrinter: Printer = {
  columns: columns("Name~|Age"),
  cells: (object: Loose<DeviceClass | ResourceClaimTemplate>, nowMs: number) => [
    nameOf(object),
    ageOf(object, nowMs),
  ],
};

export const resourcePrinters: PrintersByKind = {
  DeviceClass: agePrinter,
  ResourceClaim: {
    columns: columns("Name~|State|Age"),
    cells: (claim: Loose<ResourceClaim>, nowMs: number) => [
      nameOf(claim),
      stateText(claim),
      ageOf(claim, nowMs),
    ],
  },
  ResourceClaimTemplate: agePrinter,
  ResourceSlice: {
    columns: columns("Name~|Node|Driver|Pool|Age"),
    cells: (slice: Loose<ResourceSlice>, nowMs: number) => [
      nameOf(slice),
      slice.spec?.nodeName ?? "",
      slice.spec?.driver ?? "",
      slice.spec?.pool?.name ?? "",
      ageOf(slice, nowMs),
    ],
  },
};
