/** The resize subresource of pods. upstream: pkg/apis/core/validation/validation.go (ValidatePodResize) */
import type { Container, Pod, ResourceRequirements } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { compareQuantities, quantityOf } from "../meta/quantity.ts";
import { checkPodSpec } from "./pod-validation.ts";
import type { ResourceList } from "./resource-list.ts";

type Resources = Loose<ResourceRequirements> | undefined;

function isRemoved(now: ResourceList | undefined, old: ResourceList | undefined): boolean {
  return Object.keys(old ?? {}).some((name) => now?.[name] === undefined);
}

/** Without a restart, memory can't be taken from a process that uses it. */
function checkMemoryLimit(
  container: Loose<Container>,
  old: Resources,
  path: string,
  faults: FaultList,
): void {
  const policy = container.resizePolicy?.find(({ resourceName }) => resourceName === "memory");
  if (policy?.restartPolicy === "RestartContainer") return;
  const now = container.resources?.limits?.["memory"];
  const before = old?.limits?.["memory"];
  const at = `${path}.limits[memory]`;
  if (now === undefined) return;
  if (before === undefined) {
    faults.forbidden(at, "memory limits cannot be added unless resizePolicy is RestartContainer");
  } else if (compareQuantities(quantityOf(now), quantityOf(before)) < 0) {
    faults.forbidden(at, "memory limits cannot be decreased unless resizePolicy is RestartContainer");
  }
}

function checkContainer(container: Loose<Container>, old: Resources, path: string, faults: FaultList): void {
  for (const list of ["requests", "limits"] as const) {
    if (isRemoved(container.resources?.[list], old?.[list])) {
      faults.forbidden(`${path}.${list}`, `resource ${list} cannot be removed`);
    }
  }
  checkMemoryLimit(container, old, path, faults);
}

/** What of the resources a resize may not touch. */
function fixedOf(resources: Resources): unknown {
  return [resources?.requests, resources?.limits].map((list) => ({
    ...list,
    cpu: undefined,
    memory: undefined,
  }));
}

const isSidecar = ({ restartPolicy }: Loose<Container>): boolean => restartPolicy === "Always";

function checkInit(container: Loose<Container>, old: Resources, path: string, faults: FaultList): void {
  if (!isSidecar(container)) {
    if (!isSame(container.resources, old)) {
      faults.forbidden("spec", "resources for non-sidecar init containers are immutable");
    }
    return;
  }
  checkContainer(container, old, path, faults);
  if (!isSame(fixedOf(container.resources), fixedOf(old))) {
    faults.forbidden("spec", "only cpu and memory resources for sidecar containers are mutable");
  }
}

const mirrorAnnotation = "kubernetes.io/config.mirror";

function refusal({ metadata, spec }: Loose<Pod>): string | undefined {
  if (metadata?.annotations?.[mirrorAnnotation] !== undefined) return "static pods cannot be resized";
  return spec?.os?.name === "windows" ? "windows pods cannot be resized" : undefined;
}

/** The registry has seen to it that nothing but resources differs, and that the QoS class stays. */
export function checkPodResize(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  const old = oldPod.spec ?? {};
  checkPodSpec(spec, true, "spec", faults);
  const refused = refusal(oldPod);
  if (refused !== undefined) {
    faults.forbidden("", refused);
    return;
  }
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const path = `spec.initContainers[${index}].resources`;
    checkInit(container, old.initContainers?.[index]?.resources, path, faults);
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    const before = old.containers?.[index]?.resources;
    checkContainer(container, before, `spec.containers[${index}].resources`, faults);
    if (!isSame(fixedOf(container.resources), fixedOf(before))) {
      faults.forbidden("spec", "only cpu and memory resources are mutable");
    }
  }
}
