/** Questions about a pod of the API that every part of the kubelet asks. */
import type { Container, EphemeralContainer, Pod } from "#api/generated/types/core-v1.ts";

export const podUid = (pod: Pod): string => pod.metadata?.uid ?? "";
export const podName = (pod: Pod): string => pod.metadata?.name ?? "";
export const podNamespace = (pod: Pod): string => pod.metadata?.namespace ?? "";
/** "web_default(uid)": how messages of the kubelet name a pod. */
export const podText = (pod: Pod): string => `${podName(pod)}_${podNamespace(pod)}(${podUid(pod)})`;

export const isTerminal = (pod: Pod): boolean =>
  pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
export const isDeleting = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;
export const usesHostNetwork = (pod: Pod): boolean => pod.spec?.hostNetwork === true;

export type ContainerRole = "init" | "sidecar" | "main" | "ephemeral";

export interface RoledContainer {
  readonly container: Container;
  readonly role: ContainerRole;
}

/** An init container that restarts always runs beside the others from its turn on. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === "Always";

export const initContainers = (pod: Pod): readonly Container[] => pod.spec?.initContainers ?? [];
export const mainContainers = (pod: Pod): readonly Container[] => pod.spec?.containers ?? [];

/** What `kubectl debug` added to a pod that was there: started once, and never again. */
export const ephemeralContainers = (pod: Pod): readonly EphemeralContainer[] =>
  pod.spec?.ephemeralContainers ?? [];

export const isEphemeral = (pod: Pod, { name }: Container): boolean =>
  ephemeralContainers(pod).some((container) => container.name === name);

export function allContainers(pod: Pod): readonly RoledContainer[] {
  return [
    ...initContainers(pod).map((container): RoledContainer => ({
      container,
      role: isSidecar(container) ? "sidecar" : "init",
    })),
    ...mainContainers(pod).map((container): RoledContainer => ({ container, role: "main" })),
    ...ephemeralContainers(pod).map((container): RoledContainer => ({ container, role: "ephemeral" })),
  ];
}

export function findContainer(pod: Pod, name: string): RoledContainer | undefined {
  return allContainers(pod).find(({ container }) => container.name === name);
}

/** "spec.containers{web}": where events of a container point. */
export function containerFieldPath(pod: Pod, name: string): string {
  const role = findContainer(pod, name)?.role ?? "main";
  return `spec.${listOfRole[role]}{${name}}`;
}

const listOfRole: Readonly<Record<ContainerRole, string>> = {
  init: "initContainers",
  sidecar: "initContainers",
  main: "containers",
  ephemeral: "ephemeralContainers",
};

/** Seconds the pod's containers get to stop: what the deletion asked for, else what the pod asks for. */
export function graceSeconds(pod: Pod): number {
  const asked = isDeleting(pod)
    ? (pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds)
    : pod.spec?.terminationGracePeriodSeconds;
  return Number(asked ?? 30);
}
