/** The selector that every workload of the apps group needs. upstream: pkg/apis/apps/validation/validation.go */
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelSelector, isEmptySelector } from "../meta/field-rules.ts";
import { SelectorError, selectorOf, type LabelSelector, type LabelSelectorSpec } from "../meta/labels.ts";

/** The selector, or undefined with the fault that keeps it from being one. */
export function checkSelector(
  selector: LabelSelectorSpec | undefined,
  kind: "deployment" | "statefulset" | "daemonset",
  faults: FaultList,
): LabelSelector | undefined {
  if (selector === undefined) {
    faults.required("spec.selector");
    return undefined;
  }
  checkLabelSelector(selector, "spec.selector", faults);
  if (isEmptySelector(selector)) {
    faults.invalid("spec.selector", selector, `empty selector is invalid for ${kind}`);
  }
  try {
    return selectorOf(selector);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    if (kind !== "daemonset") faults.invalid("spec.selector", selector, "invalid label selector");
    return undefined;
  }
}
