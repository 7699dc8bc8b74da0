/** What of a pod may change. upstream: pkg/apis/core/validation/validation.go (ValidatePodUpdate) */
import type { Container, Pod, PodSpec, Toleration } from "../generated/types/core-v1.ts";
import { differenceText } from "../meta/difference.ts";
import { checkTolerations as checkTolerationList } from "./affinity-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { rangeMessage } from "../meta/names.ts";
import {
  checkPodAnnotations,
  checkPodAnnotationsUpdate,
  mirrorAnnotation,
} from "./pod-annotation-validation.ts";
import { ephemeralContainerAsGo, podSpecAsGo } from "./go-shapes.ts";
import { restorePlacement } from "./gated-pod-validation.ts";
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
    const at = `${path}[${index}].image`;
    if (image === "") faults.required(at);
    else if (image !== image.trim()) {
      faults.invalid(at, image, "must not have leading or trailing whitespace");
    }
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

const withoutSeconds = ({ key, operator, value, effect }: Loose<Toleration>): string =>
  JSON.stringify([key, operator, value, effect]);

function checkTolerations(spec: Spec, old: Spec, faults: FaultList): void {
  const now = new Set((spec.tolerations ?? []).map(withoutSeconds));
  const kept = (old.tolerations ?? []).every((before) => now.has(withoutSeconds(before)));
  if (!kept) {
    faults.forbidden(
      "spec.tolerations",
      "existing toleration can not be modified except its tolerationSeconds",
    );
    return;
  }
  // upstream looks at them once more.
  checkTolerationList(spec.tolerations, "spec.tolerations", faults);
}

function checkGateUpdates(spec: Spec, old: Spec, faults: FaultList): void {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (!before.has(name)) {
      faults.forbidden(
        `spec.schedulingGates[${index}].name`,
        `only deletion is allowed, but found new scheduling gate '${name ?? ""}'`,
      );
    }
  }
}

function withImages(
  containers: Containers | undefined,
  from: Containers = [],
): Loose<Container>[] | undefined {
  return containers?.map((container, index) => ({ ...container, image: from[index]?.image }));
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
  };
}

/** Metadata is looked at elsewhere. */
export function checkPodUpdate(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  const old = oldPod.spec ?? {};
  checkPodAnnotations(pod.metadata?.annotations, spec, "metadata.annotations", faults);
  checkPodSpec(spec, pod, "spec", faults);
  checkPodAnnotationsUpdate(pod, oldPod, faults);
  if (!checkContainerUpdates(spec.containers, old.containers, "spec.containers", faults)) return;
  if (!checkContainerUpdates(spec.initContainers, old.initContainers, "spec.initContainers", faults)) return;
  if (!checkDeadline(spec, old, faults)) return;
  checkTolerations(spec, old, faults);
  checkGateUpdates(spec, old, faults);
  const restored = restorePlacement(munged(spec, old), old, faults);
  if (isSame(restored, old)) return;
  faults.forbidden(
    "spec",
    `pod updates may not change fields other than ${changeable}\n${differenceText(podSpecAsGo(old), podSpecAsGo(restored))}`,
  );
}

/** The ephemeralcontainers subresource: only additions. upstream: ValidatePodEphemeralContainersUpdate */
export function checkEphemeralContainersUpdate(pod: Loose<Pod>, oldPod: Loose<Pod>, faults: FaultList): void {
  const spec = pod.spec ?? {};
  if (oldPod.metadata?.annotations?.[mirrorAnnotation] !== undefined) {
    faults.forbidden("", "static pods do not support ephemeral containers");
    return;
  }
  checkPodAnnotations(pod.metadata?.annotations, spec, "metadata.annotations", faults);
  checkPodSpec(spec, pod, "spec", faults);
  checkPodAnnotationsUpdate(pod, oldPod, faults);
  const path = "spec.ephemeralContainers";
  const byName = new Map((spec.ephemeralContainers ?? []).map((one) => [one.name, one]));
  for (const before of oldPod.spec?.ephemeralContainers ?? []) {
    const now = byName.get(before.name);
    const name = JSON.stringify(before.name ?? "");
    if (now === undefined) {
      faults.forbidden(path, `existing ephemeral containers ${name} may not be removed\n`);
    } else if (!isSame(now, before)) {
      const difference = differenceText(ephemeralContainerAsGo(before), ephemeralContainerAsGo(now));
      faults.forbidden(path, `existing ephemeral containers ${name} may not be changed\n${difference}`);
    }
  }
}
