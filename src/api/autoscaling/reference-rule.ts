/** What an autoscaler names. upstream: pkg/apis/autoscaling/validation/validation.go (ValidateCrossVersionObjectReference) */
import type { CrossVersionObjectReference } from "../generated/types/autoscaling-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { pathSegmentFaults } from "../meta/names.ts";

export function checkReference(
  reference: Loose<CrossVersionObjectReference> | undefined,
  path: string,
  faults: FaultList,
): void {
  for (const field of ["kind", "name"] as const) {
    const value = reference?.[field] ?? "";
    if (value === "") faults.required(`${path}.${field}`);
    else faults.messages(`${path}.${field}`, value, pathSegmentFaults(value));
  }
  const { apiVersion = "" } = reference ?? {};
  if (apiVersion.split("/").length > 2) {
    faults.invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  }
}

/** Of the core group only one kind can be scaled. */
export function checkScaleTarget(
  reference: Loose<CrossVersionObjectReference> | undefined,
  path: string,
  faults: FaultList,
): void {
  const { apiVersion = "", kind } = reference ?? {};
  if (kind === "ReplicationController" || apiVersion.includes("/")) return;
  faults.invalid(`${path}.apiVersion`, apiVersion, "apiVersion must specify API group");
}
