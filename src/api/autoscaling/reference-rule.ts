/** What an autoscaler names. upstream: pkg/apis/autoscaling/validation/validation.go (ValidateCrossVersionObjectReference) */
import type { CrossVersionObjectReference } from "../generated/types/autoscaling-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { pathSegmentFaults } from "../meta/names.ts";

type Reference = Loose<CrossVersionObjectReference> | undefined;

export function checkReference(reference: Reference, path: string, faults: FaultList): void {
  for (const field of ["kind", "name"] as const) {
    const value = reference?.[field] ?? "";
    if (value === "") faults.required(`${path}.${field}`);
    else faults.messages(`${path}.${field}`, value, pathSegmentFaults(value));
  }
}

/** upstream: apimachinery/pkg/runtime/schema/group_version.go (ParseGroupVersion) */
export function versionFault(reference: Reference): string | undefined {
  const { apiVersion = "" } = reference ?? {};
  return apiVersion.split("/").length > 2 ? `unexpected GroupVersion string: ${apiVersion}` : undefined;
}

export function checkVersion(reference: Reference, path: string, faults: FaultList): void {
  const fault = versionFault(reference);
  if (fault !== undefined) faults.invalid(`${path}.apiVersion`, reference?.apiVersion, fault);
}

/** Of the core group only one kind can be scaled; what was stored once may stay. */
export function checkTargetVersion(reference: Reference, old: Reference, faults: FaultList): void {
  const { apiVersion = "", kind } = reference ?? {};
  if (old !== undefined && old.kind === kind && (old.apiVersion ?? "") === apiVersion) return;
  const path = "spec.scaleTargetRef";
  checkVersion(reference, path, faults);
  if (versionFault(reference) !== undefined || kind === "ReplicationController") return;
  const slash = apiVersion.indexOf("/");
  if (slash < 1) faults.invalid(`${path}.apiVersion`, apiVersion, "apiVersion must specify API group");
}
