/** Events of both groups. upstream: pkg/apis/core/validation/events.go */
import type { Event } from "../generated/types/core-v1.ts";
import type { Event as NewEvent } from "../generated/types/events-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";

const textMax = 128;
const noteMax = 1024;

/** An event about something without a namespace lives in "default". */
function checkNamespace(
  {
    namespace = "",
    subjectNamespace = "",
    path,
  }: { namespace?: string | undefined; subjectNamespace?: string | undefined; path: string },
  faults: FaultList,
): void {
  const fits =
    subjectNamespace === ""
      ? namespace === "" || namespace === "default" || namespace === "kube-system"
      : namespace === subjectNamespace;
  if (!fits) faults.invalid(`${path}.namespace`, subjectNamespace, "does not match event.namespace");
}

export function checkEvent(event: Loose<Event>, faults: FaultList): void {
  const subjectNamespace = event.involvedObject?.namespace;
  checkNamespace({ namespace: event.metadata?.namespace, subjectNamespace, path: "involvedObject" }, faults);
  if ((event.eventTime ?? "") !== "") {
    checkReporter(event.reportingComponent, event.reportingInstance, faults);
  }
}

function checkReporter(controller = "", instance = "", faults: FaultList): void {
  if (controller === "") faults.required("reportingController");
  else faults.messages("reportingController", controller, qualifiedNameFaults(controller));
  if (instance === "") faults.required("reportingInstance");
  if (instance.length > textMax) {
    faults.invalid("reportingInstance", "", `can have at most ${textMax} characters`);
  }
}

function checkText(value: string | undefined, field: string, faults: FaultList): void {
  if (value === undefined || value === "") faults.required(field);
  else if (value.length > textMax) faults.invalid(field, "", `can have at most ${textMax} characters`);
}

/** Stricter: those of the old group may lack nearly everything. */
export function checkNewEvent(event: Loose<NewEvent>, faults: FaultList): void {
  checkNamespace(
    {
      namespace: event.metadata?.namespace,
      subjectNamespace: event.regarding?.namespace,
      path: "involvedObject",
    },
    faults,
  );
  if (event.eventTime === undefined) faults.required("eventTime");
  checkReporter(event.reportingController, event.reportingInstance, faults);
  checkText(event.action, "action", faults);
  checkText(event.reason, "reason", faults);
  if ((event.note ?? "").length > noteMax) {
    faults.invalid("message", "", `can have at most ${noteMax} characters`);
  }
  if (event.type !== "Normal" && event.type !== "Warning") {
    faults.invalid("type", "", `has invalid value: ${event.type ?? ""}`);
  }
}

export function checkNewEventUpdate(event: Loose<NewEvent>, old: Loose<NewEvent>, faults: FaultList): void {
  const fixed = ["regarding", "reason", "action", "related", "note", "type", "eventTime"] as const;
  for (const field of fixed) checkImmutable(event[field], old[field], field, faults);
}
