/** Leases. upstream: pkg/apis/coordination/validation/validation.go */
import type { Lease } from "../generated/types/coordination-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";

const strategies = ["OldestEmulationVersion"];

/** One of ours, or somebody's own with a domain before it. */
function checkStrategy(strategy: string, faults: FaultList): void {
  // Upstream says it of a field within the field.
  const path = "spec.strategy.strategy";
  if (strategy.includes("/")) faults.messages(path, strategy, qualifiedNameFaults(strategy));
  else if (!strategies.includes(strategy)) faults.notSupported(path, strategy, strategies);
}

function checkLease({ spec = {} }: Loose<Lease>, faults: FaultList): void {
  const { leaseDurationSeconds: seconds, leaseTransitions } = spec;
  if (seconds !== undefined && seconds <= 0) {
    faults.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
  }
  checkNonNegative(leaseTransitions, "spec.leaseTransitions", faults);
  if (spec.strategy !== undefined) checkStrategy(spec.strategy, faults);
  const preferred = spec.preferredHolder ?? "";
  if (preferred !== "" && (spec.strategy ?? "") === "") {
    faults.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined");
  }
}

export const coordinationValidations: ValidationsByKind = {
  Lease: { plainFinalizers: true, check: checkLease },
};
