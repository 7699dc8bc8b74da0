/** The selector that every workload of the apps group needs. upstream: pkg/apis/apps/validation/validation.go */
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelSelector, isEmptySelector } from "../meta/field-rules.ts";
import {
  SelectorError,
  selectNothing,
  selectorOf,
  type LabelSelector,
  type LabelSelectorSpec,
} from "../meta/labels.ts";

type Kind = "deployment" | "statefulset" | "daemonset";

/** What is said of a selector that can't be one. */
const details: Readonly<Record<Kind, string | undefined>> = {
  deployment: "invalid label selector",
  statefulset: "",
  daemonset: undefined,
};

/** The selector: one that matches nothing where there is none, undefined where it can't be understood. */
export function checkSelector(
  selector: LabelSelectorSpec | undefined,
  kind: Kind,
  faults: FaultList,
): LabelSelector | undefined {
  if (selector === undefined) {
    if (kind !== "daemonset") faults.required("spec.selector");
    return selectNothing;
  }
  checkLabelSelector(selector, "spec.selector", faults);
  if (isEmptySelector(selector)) {
    faults.invalid("spec.selector", selector, `empty selector is invalid for ${kind}`);
  }
  try {
    return selectorOf(selector);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    const detail = details[kind];
    if (detail !== undefined) faults.invalid("spec.selector", selector, detail);
    return undefined;
  }
}
