/** Priority classes. upstream: pkg/apis/scheduling/validation/validation.go */
import type { PriorityClass } from "../generated/types/scheduling-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";

const userPriorityMax = 1_000_000_000;
const systemPrefix = "system-";
/** The only classes with that prefix, and what they are worth. */
const systemClasses: ReadonlyMap<string, number> = new Map([
  ["system-node-critical", 2_000_001_000],
  ["system-cluster-critical", 2_000_000_000],
]);

function checkPriorityClass(
  { metadata, value = 0, preemptionPolicy, globalDefault }: Loose<PriorityClass>,
  faults: FaultList,
): void {
  const name = metadata?.name ?? "";
  if (name.startsWith(systemPrefix)) {
    const known = systemClasses.get(name);
    const fault =
      known === undefined
        ? `${name} is not a known system priority class`
        : known !== value
          ? `value of ${name} PriorityClass must be ${known}`
          : globalDefault === true
            ? `globalDefault of ${name} PriorityClass must be false`
            : undefined;
    if (fault !== undefined) {
      faults.forbidden(
        "metadata.name",
        `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${fault}`,
      );
    }
  } else if (value > userPriorityMax) {
    faults.forbidden("value", `maximum allowed value of a user defined priority is ${userPriorityMax}`);
  }
  faults.oneOf("preemptionPolicy", preemptionPolicy, ["PreemptLowerPriority", "Never"]);
}

function checkPriorityClassUpdate(
  priority: Loose<PriorityClass>,
  old: Loose<PriorityClass>,
  faults: FaultList,
): void {
  if (priority.value !== old.value) faults.forbidden("value", "may not be changed in an update.");
  checkImmutable(priority.preemptionPolicy, old.preemptionPolicy, "preemptionPolicy", faults);
}

export const schedulingValidations: ValidationsByKind = {
  PriorityClass: { onCreate: checkPriorityClass, onUpdate: checkPriorityClassUpdate },
};
