/** What of a pod may change. upstream: pkg/apis/core/validation/validation.go (ValidatePodUpdate) */
import type {
  Container,
  ContainerStatus,
  Pod,
  PodSpec,
  PodStatus,
  ResourceRequirements,
  Toleration,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, ipFaults, rangeMessage } from "../meta/names.ts";
import { checkPodSpec, int32Max } from "./pod-validation.ts";

type Spec = Loose<PodSpec>;
type Containers = readonly Loose<Container>[];

const changeable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

/** False when nothing after it makes sense. */
function checkContainerUpdates(
  containers: Containers = [],
  old: Containers = [],
  path: string,
  faults: FaultList,
): boolean {
  if (containers.length !== old.length) {
    faults.forbidden(path, "pod updates may not add or remove containers");
    return false;
  }
  for (const [index, { image = "" }] of containers.entries()) {
    if (image.trim() === "") faults.required(`${path}[${index}].image`);
  }
  return true;
}

function checkDeadline(spec: Spec, old: Spec, faults: FaultList): boolean {
  const path = "spec.activeDeadlineSeconds";
  const { activeDeadlineSeconds: now } = spec;
  const { activeDeadlineSeconds: before } = old;
  if (now === undefined) {
    if (before !== undefined) {
      faults.invalid(path, now, "must not update from a positive integer to nil value");
    }
    return true;
  }
  if (now < 0 || now > int32Max) {
    faults.invalid(path, now, rangeMessage(0, int32Max));
    return false;
  }
  if (before !== undefined && before < now) {
    faults.invalid(path, now, "must be less than or equal to previous value");
    return false;
  }
  return true;
}

const withoutSeconds = (toleration: Loose<Toleration>): Loose<Toleration> => ({
  ...toleration,
  tolerationSeconds: undefined,
});

function checkTolerations(spec: Spec, old: Spec, faults: FaultList): void {
  const kept = (old.tolerations ?? []).every((before) =>
    (spec.tolerations ?? []).some((now) => isSame(withoutSeconds(now), withoutSeconds(before))),
  );
  if (!kept) {
    faults.forbidden(
      "spec.tolerations",
      "existing toleration can not be modified except its tolerationSeconds",
    );
  }
}

function checkGateUpdates(spec: Spec, old: Spec, faults: FaultList): void {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (!before.has(name)) {
      faults.forbidden(
        `spec.schedulingGates[${index}]`,
        `only deletion is allowed, but found new scheduling gate '${name ?? ""}'`,
      );
    }
  }
}

function withImages(containers: Containers = [], from: Containers = []): Loose<Container>[] {
  return containers.map((container, index) => ({ ...container, image: from[index]?.image }));
}

/** Gated pods may still be told where to run, as long as that only narrows the choice. */
function narrowedPlacement(spec: Spec, old: Spec): Partial<Spec> {
  if ((old.schedulingGates ?? []).length === 0) return {};
  const selectorKept = Object.entries(old.nodeSelector ?? {}).every(
    ([key, value]) => spec.nodeSelector?.[key] === value,
  );
  const hadRequirement =
    old.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
  return {
    ...(selectorKept ? { nodeSelector: old.nodeSelector } : {}),
    ...(hadRequirement
      ? {}
      : {
          affinity:
            old.affinity === undefined && isSame({ ...spec.affinity, nodeAffinity: undefined }, {})
              ? undefined
              : { ...spec.affinity, nodeAffinity: old.affinity?.nodeAffinity },
        }),
  };
}

/** The new spec with everything that may change put back. */
function munged(spec: Spec, old: Spec): Spec {
  const grace = old.terminationGracePeriodSeconds ?? 0;
  const relaxed = grace < 0 && spec.terminationGracePeriodSeconds === 1;
  return {
    ...spec,
    containers: withImages(spec.containers, old.containers),
    initContainers: withImages(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
    ...(relaxed ? { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds } : {}),
    ...narrowedPlacement(spec, old),
  };
}

const shown = (value: unknown): string => (value === undefined ? "nil" : JSON.stringify(value));

/** Which fields differ and how: not upstream's exact picture, but the same facts. */
function differenceText(now: object, before: object): string {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].toSorted();
  const changed = keys.filter((key) => !isSame(Reflect.get(now, key), Reflect.get(before, key)));
  return changed
    .map((key) => `  ${key}:\n- \t${shown(Reflect.get(before, key))}\n+ \t${shown(Reflect.get(now, key))}\n`)
    .join("");
}

/** Metadata is looked at elsewhere. */
export function checkPodUpdate(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  const old = oldPod.spec ?? {};
  checkPodSpec(spec, true, "spec", faults);
  if (!checkContainerUpdates(spec.containers, old.containers, "spec.containers", faults)) return;
  if (!checkContainerUpdates(spec.initContainers, old.initContainers, "spec.initContainers", faults)) return;
  if (!checkDeadline(spec, old, faults)) return;
  checkTolerations(spec, old, faults);
  checkGateUpdates(spec, old, faults);
  const restored = munged(spec, old);
  if (isSame(restored, old)) return;
  faults.forbidden(
    "spec",
    `pod updates may not change fields other than ${changeable}\n${differenceText(restored, old)}`,
  );
}

/** The ephemeralcontainers subresource: only additions. upstream: ValidatePodEphemeralContainersUpdate */
export function checkEphemeralContainersUpdate(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  checkPodSpec(spec, true, "spec", faults);
  const path = "spec.ephemeralContainers";
  const byName = new Map((spec.ephemeralContainers ?? []).map((one) => [one.name, one]));
  for (const before of oldPod.spec?.ephemeralContainers ?? []) {
    const now = byName.get(before.name);
    const name = JSON.stringify(before.name ?? "");
    if (now === undefined) {
      faults.forbidden(path, `existing ephemeral containers ${name} may not be removed\n`);
    } else if (!isSame(now, before)) {
      const difference = differenceText(now, before);
      faults.forbidden(path, `existing ephemeral containers ${name} may not be changed\n${difference}`);
    }
  }
}

const resizable = new Set(["cpu", "memory"]);

/** What of the resources a resize may not touch. */
function fixedResources(containers: Containers = []): readonly unknown[] {
  return containers.map(({ name, resources }) => ({
    name,
    lists: [resources?.requests, resources?.limits].map((list) =>
      Object.fromEntries(Object.entries(list ?? {}).filter(([key]) => !resizable.has(key))),
    ),
  }));
}

/** The resize subresource. upstream: ValidatePodResize */
export function checkPodResize(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  const old = oldPod.spec ?? {};
  checkPodSpec(spec, true, "spec", faults);
  const containers = isSame(fixedResources(spec.containers), fixedResources(old.containers));
  const others = isSame(fixedResources(spec.initContainers), fixedResources(old.initContainers));
  if (!containers || !others) faults.forbidden("spec", "only cpu and memory resources are mutable");
  for (const [index, { resources }] of (old.containers ?? []).entries()) {
    checkKept(spec.containers?.[index]?.resources, resources, `spec.containers[${index}].resources`, faults);
  }
}

/** What was asked for once is asked for ever, in whatever amount. */
function checkKept(
  resources: Loose<ResourceRequirements> | undefined,
  old: Loose<ResourceRequirements> | undefined,
  path: string,
  faults: FaultList,
): void {
  for (const list of ["requests", "limits"] as const) {
    const now = resources?.[list] ?? {};
    for (const name of Object.keys(old?.[list] ?? {})) {
      if (resizable.has(name) && now[name] === undefined) {
        faults.forbidden(`${path}.${list}`, `resource ${list} cannot be removed`);
      }
    }
  }
}

function checkTransitions(
  statuses: readonly Loose<ContainerStatus>[] = [],
  old: readonly Loose<ContainerStatus>[] = [],
  { path, policy }: { readonly path: string; readonly policy: string },
  faults: FaultList,
): void {
  if (policy === "Always") return;
  for (const [index, { name, state }] of old.entries()) {
    if (state?.terminated === undefined) continue;
    if (policy === "OnFailure" && (state.terminated.exitCode ?? 0) !== 0) continue;
    const now = statuses.find((status) => status.name === name);
    if (now !== undefined && now.state?.terminated === undefined) {
      faults.forbidden(`${path}[${index}].state`, "may not be transitioned to non-terminated state");
    }
  }
}

function checkAllTransitions(status: Loose<PodStatus>, oldPod: Loose<Pod>, faults: FaultList): void {
  const policy = oldPod.spec?.restartPolicy ?? "Always";
  const old = oldPod.status ?? {};
  const path = "status.containerStatuses";
  checkTransitions(status.containerStatuses, old.containerStatuses, { path, policy }, faults);
  checkTransitions(
    status.initContainerStatuses,
    (old.initContainerStatuses ?? []).filter(({ name }) => !isSidecar(oldPod, name)),
    { path: "status.initContainerStatuses", policy },
    faults,
  );
}

/** upstream: ValidatePodStatusUpdate */
export function checkPodStatusUpdate(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const status = pod.status ?? {};
  const old = oldPod.status ?? {};
  if ((pod.spec?.nodeName ?? "") !== (oldPod.spec?.nodeName ?? "")) {
    faults.forbidden("status.nodeName", "may not be changed directly");
  }
  const nominated = status.nominatedNodeName ?? "";
  if (nominated !== "") {
    faults.messages("status.nominatedNodeName", nominated, dnsSubdomainFaults(nominated));
  }
  checkAllTransitions(status, oldPod, faults);
  for (const [index, { ip = "" }] of (status.podIPs ?? []).entries()) {
    faults.messages(`status.podIPs[${index}]`, ip, ipFaults(ip));
  }
  if (old.qosClass !== undefined) checkImmutable(status.qosClass, old.qosClass, "status.qosClass", faults);
}

const isSidecar = ({ spec }: Loose<Pod>, name: string | undefined): boolean =>
  spec?.initContainers?.find((container) => container.name === name)?.restartPolicy === "Always";
