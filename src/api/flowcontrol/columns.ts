/** Priority and fairness in tables. upstream: pkg/printers/internalversion/printers.go */
import type { FlowSchema, PriorityLevelConfiguration } from "../generated/types/flowcontrol-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, type Cell, type PrintersByKind } from "../meta/printer.ts";

function flowSchemaCells(schema: Loose<FlowSchema>, nowMs: number): readonly Cell[] {
  const { spec, status } = schema;
  return [
    nameOf(schema),
    spec?.priorityLevelConfiguration?.name ?? "",
    spec?.matchingPrecedence ?? 0,
    spec?.distinguisherMethod?.type ?? "<none>",
    ageOf(schema, nowMs),
    status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?",
  ];
}

function levelCells(level: Loose<PriorityLevelConfiguration>, nowMs: number): readonly Cell[] {
  const limited = level.spec?.limited;
  const queuing = limited?.limitResponse?.queuing;
  return [
    nameOf(level),
    level.spec?.type ?? "",
    limited?.nominalConcurrencyShares ?? "<none>",
    queuing?.queues ?? "<none>",
    queuing?.handSize ?? "<none>",
    queuing?.queueLengthLimit ?? "<none>",
    ageOf(level, nowMs),
  ];
}

export const flowcontrolPrinters: PrintersByKind = {
  FlowSchema: {
    columns: columns("Name~|PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL"),
    cells: flowSchemaCells,
  },
  PriorityLevelConfiguration: {
    columns: columns("Name~|Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age"),
    cells: levelCells,
  },
};
