/**
 * Events, in the form they are kept in: both groups' fields under their core names, as upstream's messages have them.
 * upstream: pkg/apis/core/validation/events.go
 */
import type { Event } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, isSame } from "../meta/field-rules.ts";
import type { KindValidation } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, qualifiedNameFaults } from "../meta/names.ts";

const textMax = 128;
const noteMax = 1024;

/** Of events, only those of the newer kind have this time. */
const isNew = ({ eventTime }: Loose<Event>): boolean => (eventTime ?? "") !== "";

/** An event about something without a namespace lives in "default", and a new one may in "kube-system". */
function isAtHome(event: Loose<Event>): boolean {
  const { namespace = "" } = event.metadata ?? {};
  const subject = event.involvedObject?.namespace ?? "";
  if (isNew(event)) return subject !== "" || namespace === "default" || namespace === "kube-system";
  return subject === "" ? namespace === "" || namespace === "default" : namespace === subject;
}

function checkText(value: string, field: string, faults: FaultList): void {
  if (value === "") faults.required(field);
  if (Buffer.byteLength(value) > textMax) {
    faults.invalid(field, "", `can have at most ${textMax} characters`);
  }
}

/** upstream: legacyValidateEvent. The two groups call the reporter otherwise. */
function checkAny(event: Loose<Event>, reporterField: string, faults: FaultList): void {
  const { namespace = "" } = event.metadata ?? {};
  if (!isAtHome(event)) {
    const subject = event.involvedObject?.namespace ?? "";
    faults.invalid("involvedObject.namespace", subject, "does not match event.namespace");
  }
  if (isNew(event)) {
    const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
    if (reportingComponent === "") faults.required(reporterField);
    faults.messages(reporterField, reportingComponent, qualifiedNameFaults(reportingComponent));
    checkText(reportingInstance, "reportingInstance", faults);
    checkText(action, "action", faults);
    checkText(reason, "reason", faults);
    if (Buffer.byteLength(message) > noteMax) {
      faults.invalid("message", "", `can have at most ${noteMax} characters`);
    }
  }
  faults.messages("namespace", namespace, dnsSubdomainFaults(namespace));
}

function checkSeries({ series }: Loose<Event>, faults: FaultList): void {
  if (series === undefined) return;
  if ((series.count ?? 0) < 2) faults.invalid("series.count", "", "should be at least 2");
  if ((series.lastObservedTime ?? "") === "") faults.required("series.lastObservedTime");
}

const unset = "needs to be unset";

function checkNewEvent(event: Loose<Event>, faults: FaultList): void {
  checkSeries(event, faults);
  if (!isNew(event)) faults.required("eventTime");
  if (event.type !== "Normal" && event.type !== "Warning") {
    faults.invalid("type", "", `has invalid value: ${event.type ?? ""}`);
  }
  for (const field of ["firstTimestamp", "lastTimestamp"] as const) {
    if ((event[field] ?? "") !== "") faults.invalid(field, "", unset);
  }
  if ((event.count ?? 0) !== 0) faults.invalid("count", "", unset);
  const { component = "", host = "" } = event.source ?? {};
  if (component !== "" || host !== "") faults.invalid("source", "", unset);
}

function checkNewEventUpdate(event: Loose<Event>, old: Loose<Event>, faults: FaultList): void {
  if (!isSame(event.series, old.series)) checkSeries(event, faults);
  const fields = [
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
    "eventTime",
    "action",
    "related",
  ] as const;
  for (const field of fields) checkImmutable(event[field], old[field], field, faults);
  checkImmutable(event.reportingComponent, old.reportingComponent, "reportingController", faults);
  checkImmutable(event.reportingInstance, old.reportingInstance, "reportingInstance", faults);
}

export const eventValidation: KindValidation = {
  check: (event: Loose<Event>, faults) => checkAny(event, "reportingComponent", faults),
  newSteps: ["rules"],
  steps: ["rules"],
};

export const newEventValidation: KindValidation = {
  check: (event: Loose<Event>, faults) => checkAny(event, "reportingController", faults),
  onCreate: checkNewEvent,
  onUpdate: checkNewEventUpdate,
  newSteps: ["rules", "metadata", "creation"],
  steps: ["rules", "metadata change", "change"],
};
