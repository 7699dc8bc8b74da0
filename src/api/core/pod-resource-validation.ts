/** What a pod asks for as a whole. upstream: pkg/apis/core/validation/validation.go (validatePodResources) */
import type { PodSpec } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  QuantityError,
  type Quantity,
} from "../meta/quantity.ts";
import { checkClaimUse } from "./pod-claim-validation.ts";
import { amountsOf, podAmounts } from "./pod-resources.ts";
import { checkContainerResources, checkResourceName, isHugePages } from "./resource-validation.ts";

type Spec = Loose<PodSpec>;
type Amounts = ReadonlyMap<string, Quantity>;

const isPodResource = (name: string): boolean => name === "cpu" || name === "memory" || isHugePages(name);

/** upstream: validatePodResourceName */
function checkName(name: string, path: string, faults: FaultList): void {
  if (!checkResourceName(name, path, faults) || isPodResource(name)) return;
  faults.notSupported(path, name, ["cpu", "hugepages-", "memory"]);
}

function isReadable(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

/** Whether sums can be made of what is asked for. */
export const hasReadableAmounts = (spec: Spec): boolean =>
  [spec, ...(spec.containers ?? []), ...(spec.initContainers ?? [])].every(({ resources }) =>
    [resources?.requests, resources?.limits].every((list) => Object.values(list ?? {}).every(isReadable)),
  );

/** Each of `own` that is less than `total`, by name. */
function shortfalls(own: Amounts, total: Amounts): [name: string, own: string, total: string][] {
  return [...total].flatMap(([name, amount]) => {
    const has = own.get(name);
    if (has === undefined || compareQuantities(amount, has) <= 0) return [];
    return [[name, formatQuantity(has), formatQuantity(amount)]];
  });
}

/** upstream: validatePodResourceConsistency */
function checkConsistency(spec: Spec, path: string, faults: FaultList): void {
  const [requests, limits] = [amountsOf(spec.resources?.requests), amountsOf(spec.resources?.limits)];
  const alone = { ...spec, resources: undefined } as PodSpec;
  for (const [name, own, total] of shortfalls(
    requests,
    podAmounts(alone, "requests", { withOverhead: false }),
  )) {
    const detail = `must be greater than or equal to aggregate container requests of ${total}`;
    faults.invalid(`${path}.requests[${name}]`, own, detail);
  }
  for (const [name, own, total] of shortfalls(limits, podAmounts(alone, "limits", { withOverhead: false }))) {
    if (!isHugePages(name)) continue;
    const detail = `must be greater than or equal to aggregate container limits of ${total}`;
    faults.invalid(`${path}.limits[${name}]`, own, detail);
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [name, own, most] of shortfalls(limits, amountsOf(container.resources?.limits))) {
      faults.invalid(
        `${path}.containers[${index}][${name}].limits`,
        most,
        `must be less than or equal to pod limits of ${own}`,
      );
    }
  }
}

/** `claimNames`: of the pod's claims to devices. */
export function checkPodResources(
  spec: Spec,
  claimNames: ReadonlySet<string>,
  path: string,
  faults: FaultList,
): void {
  const { resources, os } = spec;
  if (resources === undefined) return;
  if (os?.name === "windows") {
    faults.forbidden(path, "may not be set for a windows pod");
    return;
  }
  if (resources.claims !== undefined) {
    faults.forbidden(`${path}.claims`, "claims may not be set for Resources at pod-level");
  }
  checkContainerResources(resources, path, faults, checkName);
  checkClaimUse(resources.claims, claimNames, `${path}.claims`, faults);
  if (hasReadableAmounts(spec)) checkConsistency(spec, path, faults);
}
