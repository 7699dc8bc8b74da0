/** Events of both groups in a table. upstream: pkg/printers/internalversion/printers.go (printEvent) */
import type { Event } from "../generated/types/core-v1.ts";
import type { Event as NewEvent } from "../generated/types/events-v1.ts";
import { ageSince } from "../meta/duration.ts";
import type { Loose } from "../meta/loose.ts";
import { columns, nameOf, orEmpty, orZero, type Cell, type Printer } from "../meta/printer.ts";

const eventColumns = columns(
  "Last Seen|Type|Reason|Object|Subobject*|Source*|Message|First Seen*|Count*|Name~*",
);

function sourceText(component: string, instance: string): string {
  return instance === "" ? component : `${component}, ${instance}`;
}

function sourceOf({ source, reportingComponent, reportingInstance }: Loose<Event>): string {
  return sourceText(
    source?.component || orEmpty(reportingComponent),
    source?.host || orEmpty(reportingInstance),
  );
}

function targetOf({ involvedObject }: Loose<Event>): string {
  const kind = orEmpty(involvedObject?.kind).toLowerCase();
  const name = orEmpty(involvedObject?.name);
  return name === "" ? kind : `${kind}/${name}`;
}

interface Sightings {
  readonly first: string;
  readonly last: string;
  readonly count: number;
}

function sightingsOf(event: Loose<Event>, nowMs: number): Sightings {
  const { series } = event;
  const first = ageSince(event.firstTimestamp ?? event.eventTime, nowMs);
  if (series !== undefined) {
    return { first, last: ageSince(series.lastObservedTime, nowMs), count: orZero(series.count) };
  }
  const last = event.lastTimestamp === undefined ? first : ageSince(event.lastTimestamp, nowMs);
  return { first, last, count: event.count || 1 };
}

function eventCells(event: Loose<Event>, nowMs: number): readonly Cell[] {
  const { first, last, count } = sightingsOf(event, nowMs);
  return [
    last,
    orEmpty(event.type),
    orEmpty(event.reason),
    targetOf(event),
    orEmpty(event.involvedObject?.fieldPath),
    sourceOf(event),
    orEmpty(event.message).trim(),
    first,
    count,
    nameOf(event),
  ];
}

const asCoreEvent = (event: Loose<NewEvent>): Loose<Event> => ({
  metadata: event.metadata,
  involvedObject: event.regarding,
  reason: event.reason,
  message: event.note,
  source: event.deprecatedSource,
  firstTimestamp: event.deprecatedFirstTimestamp,
  lastTimestamp: event.deprecatedLastTimestamp,
  count: event.deprecatedCount,
  type: event.type,
  eventTime: event.eventTime,
  series: event.series,
  reportingComponent: event.reportingController,
  reportingInstance: event.reportingInstance,
});

export const eventPrinter: Printer = { columns: eventColumns, cells: eventCells };

export const newEventPrinter: Printer = {
  columns: eventColumns,
  cells: (event: Loose<NewEvent>, nowMs: number) => eventCells(asCoreEvent(event), nowMs),
};
