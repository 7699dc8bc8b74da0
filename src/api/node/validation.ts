/** Runtime classes. upstream: pkg/apis/node/validation/validation.go */
import { checkTolerations } from "../core/affinity-validation.ts";
import { checkContainerResources } from "../core/resource-validation.ts";
import type { RuntimeClass } from "../generated/types/node-v1.ts";
import type { Toleration } from "../generated/types/core-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, checkLabels, isSame } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults } from "../meta/names.ts";

/** The overhead is looked at as the limits of a container, but named otherwise. */
function checkOverhead(fixed: Record<string, string> | undefined, faults: FaultList): void {
  if (fixed === undefined) return;
  const own = new FaultList();
  checkContainerResources({ limits: fixed }, "overhead.podFixed", own);
  faults.add(...own.all);
}

function checkUnique(tolerations: readonly Loose<Toleration>[], path: string, faults: FaultList): void {
  for (const [index, toleration] of tolerations.entries()) {
    if (tolerations.slice(0, index).some((other) => isSame(other, toleration))) {
      faults.duplicate(`${path}[${index}]`, toleration);
    }
  }
}

function checkRuntimeClass(
  { handler = "", overhead, scheduling }: Loose<RuntimeClass>,
  faults: FaultList,
): void {
  faults.messages("handler", handler, dnsLabelFaults(handler));
  checkOverhead(overhead?.podFixed, faults);
  if (scheduling === undefined) return;
  checkLabels(scheduling.nodeSelector, "scheduling.nodeSelector", faults);
  checkTolerations(scheduling.tolerations, "scheduling.tolerations", faults);
  checkUnique(scheduling.tolerations ?? [], "scheduling.tolerations", faults);
}

export const nodeValidations: ValidationsByKind = {
  RuntimeClass: {
    check: checkRuntimeClass,
    onUpdate: ({ handler }: Loose<RuntimeClass>, old: Loose<RuntimeClass>, faults) =>
      checkImmutable(handler, old.handler, "handler", faults),
  },
};
