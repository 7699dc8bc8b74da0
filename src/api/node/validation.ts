/** Runtime classes. upstream: pkg/apis/node/validation/validation.go */
import { checkTolerations, tolerationShape } from "../core/affinity-validation.ts";
import { checkContainerResources } from "../core/resource-validation.ts";
import type { RuntimeClass } from "../generated/types/node-v1.ts";
import type { Toleration } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct } from "../meta/go-struct.ts";
import { checkImmutable, checkLabels } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults } from "../meta/names.ts";

type Tolerations = readonly Loose<Toleration>[];

const sameness = ({ key = "", operator = "", value = "", effect = "" }: Loose<Toleration>): string =>
  JSON.stringify([key, operator, value, effect]);

/** Upstream names the list twice for what is wrong in it, and once for what is there twice. */
function checkOwnTolerations(tolerations: Tolerations = [], path: string, faults: FaultList): void {
  checkTolerations(tolerations, `${path}.tolerations`, faults);
  const seen = new Set<string>();
  for (const [index, toleration] of tolerations.entries()) {
    const same = sameness(toleration);
    if (seen.has(same)) faults.duplicate(`${path}[${index}]`, asGoStruct(toleration, tolerationShape));
    seen.add(same);
  }
}

function checkRuntimeClass(
  { handler = "", overhead, scheduling }: Loose<RuntimeClass>,
  faults: FaultList,
): void {
  faults.messages("handler", handler, dnsLabelFaults(handler));
  // Looked at as the limits of a container, and named so.
  if (overhead !== undefined) checkContainerResources({ limits: overhead.podFixed }, "overhead", faults);
  if (scheduling === undefined) return;
  checkLabels(scheduling.nodeSelector, "scheduling.nodeSelector", faults);
  checkOwnTolerations(scheduling.tolerations, "scheduling.tolerations", faults);
}

export const nodeValidations: ValidationsByKind = {
  RuntimeClass: {
    plainFinalizers: true,
    check: checkRuntimeClass,
    onUpdate: ({ handler }: Loose<RuntimeClass>, old: Loose<RuntimeClass>, faults) =>
      checkImmutable(handler, old.handler, "handler", faults),
    steps: ["metadata", "rules", "metadata change", "change"],
  },
};
