/** APIServices. upstream: kube-aggregator/pkg/apis/apiregistration/validation/validation.go */
import { goQuote } from "../meta/go-quote.ts";
import type { APIService } from "../generated/types/apiregistration-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults, dnsSubdomainFaults, pathSegmentFaults } from "../meta/names.ts";

const groupPriorityMax = 20_000;
const versionPriorityMax = 1000;
const statuses = ["True", "False", "Unknown"];

/** Of prefixes, too. */
function nameFaults(name: string, { spec = {} }: Loose<APIService>): readonly string[] {
  const { group = "", version = "" } = spec;
  const wanted = `${version}.${group}`;
  const found = pathSegmentFaults(name);
  if (name === wanted || found.length > 0) return found;
  return [`must be \`spec.version+"."+spec.group\`: ${goQuote(wanted)}`];
}

function checkService({ spec = {} }: Loose<APIService>, faults: FaultList): void {
  const { group = "", version = "" } = spec;
  if (group === "" && version !== "v1") {
    faults.required("spec.group", "only v1 may have an empty group and it better be legacy kube");
  }
  if (group !== "") faults.messages("spec.group", group, dnsSubdomainFaults(group));
  faults.messages("spec.version", version, dns1035LabelFaults(version));
  checkPriorities(spec, faults);
  checkConnection(spec, faults);
}

type Spec = Loose<NonNullable<APIService["spec"]>>;

function checkPriorities({ groupPriorityMinimum = 0, versionPriority = 0 }: Spec, faults: FaultList): void {
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > groupPriorityMax) {
    faults.invalid(
      "spec.groupPriorityMinimum",
      groupPriorityMinimum,
      `must be positive and less than ${groupPriorityMax}`,
    );
  }
  if (versionPriority <= 0 || versionPriority > versionPriorityMax) {
    faults.invalid(
      "spec.versionPriority",
      versionPriority,
      `must be positive and less than ${versionPriorityMax}`,
    );
  }
}

function checkConnection(
  { service, caBundle = "", insecureSkipTLSVerify = false }: Spec,
  faults: FaultList,
): void {
  if (service === undefined) {
    if (caBundle !== "") {
      const bytes = Buffer.from(caBundle, "base64").length;
      faults.invalid("spec.caBundle", `${bytes} bytes`, "local APIServices may not have a caBundle");
    }
    if (insecureSkipTLSVerify) {
      faults.invalid(
        "spec.insecureSkipTLSVerify",
        true,
        "local APIServices may not have insecureSkipTLSVerify",
      );
    }
    return;
  }
  if ((service.namespace ?? "") === "") faults.required("spec.service.namespace");
  if ((service.name ?? "") === "") faults.required("spec.service.name");
  if (insecureSkipTLSVerify && caBundle !== "") {
    faults.invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present");
  }
}

function checkStatus({ status = {} }: Loose<APIService>, _old: Loose<APIService>, faults: FaultList): void {
  for (const [index, condition] of (status.conditions ?? []).entries()) {
    const value = condition.status ?? "";
    if (!statuses.includes(value)) faults.notSupported(`status.conditions[${index}].status`, value, statuses);
  }
}

export const apiregistrationValidations: ValidationsByKind = {
  APIService: {
    nameFaults,
    prefixFaults: nameFaults,
    plainFinalizers: true,
    check: checkService,
    steps: ["metadata change", "metadata", "rules"],
    onStatusUpdate: checkStatus,
  },
};
