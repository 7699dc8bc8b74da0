/** The resize subresource of pods. upstream: pkg/apis/core/validation/validation.go (ValidatePodResize) */
import type { Container, Pod, PodSpec, ResourceRequirements } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { mirrorAnnotation } from "./pod-annotation-validation.ts";
import { hasReadableAmounts } from "./pod-resource-validation.ts";
import { checkPodSpec } from "./pod-validation.ts";
import { qosClassOf } from "./qos.ts";
import type { ResourceList } from "./resource-list.ts";

type Resources = Loose<ResourceRequirements> | undefined;
type Spec = Loose<PodSpec>;
type Containers = readonly Loose<Container>[];

function isRemoved(now: ResourceList | undefined, old: ResourceList | undefined): boolean {
  return Object.keys(old ?? {}).some((name) => now?.[name] === undefined);
}

function checkRemovals(now: Resources, old: Resources, path: string, faults: FaultList): void {
  for (const list of ["requests", "limits"] as const) {
    if (isRemoved(now?.[list], old?.[list])) {
      faults.forbidden(`${path}.${list}`, `resource ${list} cannot be removed`);
    }
  }
}

/** What may change, taken from the old; claims aren't carried over. */
function restoredList(
  now: ResourceList | undefined,
  old: ResourceList | undefined,
): ResourceList | undefined {
  const { cpu: _cpu, memory: _memory, ...others } = now ?? {};
  for (const name of ["cpu", "memory"]) if (old?.[name] !== undefined) others[name] = old[name];
  return Object.keys(others).length === 0 ? undefined : others;
}

function restored(container: Loose<Container>, old: Resources): Loose<Container> {
  const { requests, limits } = container.resources ?? {};
  return {
    ...container,
    resources: { requests: restoredList(requests, old?.requests), limits: restoredList(limits, old?.limits) },
  };
}

const listOrNone = (list: ResourceList | undefined): ResourceList | undefined =>
  Object.keys(list ?? {}).length === 0 ? undefined : list;

/** No resources and empty ones are the same. */
const plain = (container: Loose<Container>): Loose<Container> => {
  const { requests, limits, claims } = container.resources ?? {};
  return { ...container, resources: { requests: listOrNone(requests), limits: listOrNone(limits), claims } };
};

const isSidecar = ({ restartPolicy }: Loose<Container>): boolean => restartPolicy === "Always";

function checkContainers(containers: Containers, old: Containers, faults: FaultList): Loose<Container>[] {
  return containers.map((container, index) => {
    const before = old[index] ?? {};
    const munged = restored(container, before.resources);
    if (!isSame(munged, plain(before))) faults.forbidden("spec", "only cpu and memory resources are mutable");
    return munged;
  });
}

function checkInitContainers(containers: Containers, old: Containers, faults: FaultList): Loose<Container>[] {
  return containers.map((container, index) => {
    const before = old[index] ?? {};
    if (!isSidecar(container)) {
      if (!isSame(plain(container), plain(before))) {
        faults.forbidden("spec", "resources for non-sidecar init containers are immutable");
      }
      return container;
    }
    const munged = restored(container, before.resources);
    if (!isSame(munged, plain(before))) {
      faults.forbidden("spec", "only cpu and memory resources for sidecar containers are mutable");
    }
    return munged;
  });
}

/** False when the containers aren't the same ones, and nothing more can be said of them. */
function checkOrder(spec: Spec, old: Spec, faults: FaultList): boolean {
  const before = faults.count;
  for (const list of ["containers", "initContainers"] as const) {
    const now = spec[list] ?? [];
    const were = old[list] ?? [];
    if (now.length !== were.length) {
      faults.forbidden(`spec.${list}`, `${list} may not be added or removed on resize`);
      continue;
    }
    for (const [index, { name }] of were.entries()) {
      if (now[index]?.name !== name) {
        faults.forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`);
      }
    }
  }
  return faults.count === before;
}

function refusal({ metadata, spec }: Loose<Pod>): string | undefined {
  if (metadata?.annotations?.[mirrorAnnotation] !== undefined) return "static pods cannot be resized";
  return spec?.os?.name === "windows" ? "windows pods cannot be resized" : undefined;
}

/** A node that can resize says which resources its running containers have. */
function isOnResizingNode({ status }: Loose<Pod>): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

const hasOwnResources = ({ resources }: Spec): boolean =>
  Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;

/** Metadata is looked at elsewhere. */
export function checkPodResize(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  const old = oldPod.spec ?? {};
  const refused = refusal(oldPod);
  if (refused !== undefined) {
    faults.forbidden("", refused);
    return;
  }
  checkPodSpec(spec, pod, "spec", faults);
  const was = oldPod.status?.qosClass ?? qosClassOf(oldPod as Pod);
  if (hasReadableAmounts(spec) && was !== qosClassOf(pod as Pod)) {
    faults.invalid(
      "spec",
      pod.status?.qosClass ?? "",
      "Pod QOS Class may not change as a result of resizing",
    );
  }
  if (!isOnResizingNode(oldPod)) faults.forbidden("spec", "Pod running on node without support for resize");
  if (hasOwnResources(old) || hasOwnResources(spec)) {
    faults.forbidden(
      "",
      "resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled",
    );
    return;
  }
  if (checkOrder(spec, old, faults)) checkChanges(spec, old, faults);
}

function checkAllRemovals(spec: Spec, old: Spec, faults: FaultList): void {
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (old[list] ?? []).entries()) {
      if (list === "initContainers" && !isSidecar(container)) continue;
      const path = `spec.${list}[${index}].resources`;
      checkRemovals(spec[list]?.[index]?.resources, container.resources, path, faults);
    }
  }
}

function checkChanges(spec: Spec, old: Spec, faults: FaultList): void {
  const before = faults.count;
  checkAllRemovals(spec, old, faults);
  const { containers: were = [], initContainers: initWere = [] } = old;
  const containers = checkContainers(spec.containers ?? [], were, faults);
  const initContainers = checkInitContainers(spec.initContainers ?? [], initWere, faults);
  if (faults.count > before) return;
  const then = {
    ...old,
    containers: were.map(plain),
    initContainers: initWere.map((one) => (isSidecar(one) ? plain(one) : one)),
  };
  if (!isSame({ ...spec, containers, initContainers }, then)) {
    faults.forbidden("spec", "only cpu and memory resources are mutable");
  }
}
