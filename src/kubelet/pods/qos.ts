/** Quality of service. upstream: pkg/apis/core/v1/helper/qos/qos.go, pkg/kubelet/qos/policy.go */
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import { quantityMilli, quantityOf, quantityUnits } from "#api/meta/quantity.ts";
import { initContainers, isSidecar, mainContainers } from "./pod.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const counted = ["cpu", "memory"] as const;

const isSet = (text: string | number | undefined): boolean => quantityOf(text).nano > 0n;

export function qosClassOf(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === "Guaranteed" || known === "Burstable" || known === "BestEffort") return known;
  const containers = [...initContainers(pod), ...mainContainers(pod)];
  const podLevel = pod.spec?.resources;
  const all = podLevel === undefined ? containers.map(({ resources }) => resources) : [podLevel];
  const hasAny = all.some((resources) =>
    counted.some((name) => isSet(resources?.requests?.[name]) || isSet(resources?.limits?.[name])),
  );
  if (!hasAny) return "BestEffort";
  const isGuaranteed = all.every((resources) =>
    counted.every((name) => {
      const limit = resources?.limits?.[name];
      const request = resources?.requests?.[name] ?? limit;
      return isSet(limit) && quantityOf(limit).nano === quantityOf(request).nano;
    }),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}

/** A limit counts as the request where none is given. */
export function requestOf(container: Container, name: string): string | undefined {
  return container.resources?.requests?.[name] ?? container.resources?.limits?.[name];
}

/** What the pod takes of a resource, in milli units: its main containers and sidecars, or an init container's peak. */
export function podRequestMilli(pod: Pod, name: string): bigint {
  const milliOf = (container: Container): bigint => quantityMilli(quantityOf(requestOf(container, name)));
  let sidecars = 0n;
  let peak = 0n;
  for (const container of initContainers(pod)) {
    const own = milliOf(container);
    if (isSidecar(container)) sidecars += own;
    const during = isSidecar(container) ? sidecars : sidecars + own;
    if (during > peak) peak = during;
  }
  const running = mainContainers(pod).reduce((sum, container) => sum + milliOf(container), sidecars);
  const podLevel = pod.spec?.resources?.requests?.[name];
  const total =
    podLevel === undefined ? (running > peak ? running : peak) : quantityMilli(quantityOf(podLevel));
  return total + quantityMilli(quantityOf(pod.spec?.overhead?.[name]));
}

/** The same of limits; undefined when a container that runs has none. */
export function podLimitMilli(pod: Pod, name: string): bigint | undefined {
  const podLevel = pod.spec?.resources?.limits?.[name];
  if (podLevel !== undefined) return quantityMilli(quantityOf(podLevel));
  let sum = 0n;
  for (const container of [...initContainers(pod).filter(isSidecar), ...mainContainers(pod)]) {
    const limit = container.resources?.limits?.[name];
    if (!isSet(limit)) return undefined;
    sum += quantityMilli(quantityOf(limit));
  }
  for (const container of initContainers(pod)) {
    const limit = quantityMilli(quantityOf(container.resources?.limits?.[name]));
    if (limit > sum) sum = limit;
  }
  return sum + quantityMilli(quantityOf(pod.spec?.overhead?.[name]));
}

const nodeCriticalPriority = 2_000_001_000;

/** The lower, the longer the container lives when memory runs out: from -997 to 1000. */
export function oomScoreAdjOf(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= nodeCriticalPriority) return -997;
  const qos = qosClassOf(pod);
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  const request = Number(quantityUnits(quantityOf(requestOf(container, "memory"))));
  const adjust = 1000 - Math.floor((1000 * request) / Math.max(1, memoryCapacityBytes));
  return Math.min(999, Math.max(3, adjust));
}
