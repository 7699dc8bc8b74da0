/** What a Service makes of its pods: shared by Endpoints and EndpointSlices. Pure. */
import type { Pod, Service, ServicePort } from "#api/generated/types/core-v1.ts";
import { selectorOfLabels } from "#api/meta/labels.ts";
import { keyOf } from "#api/meta/object.ts";
import type { Informer } from "#client/cache/informer.ts";
import { isTerminal } from "../pods/pod-state.ts";

export function hasSelector(service: Service): boolean {
  return Object.keys(service.spec?.selector ?? {}).length > 0 && service.spec?.type !== "ExternalName";
}

export function selects(service: Service, pod: Pod): boolean {
  return hasSelector(service) && selectorOfLabels(service.spec?.selector).matches(pod.metadata?.labels);
}

/** Pods with an address that aren't over, in a steady order. */
export function podsOf(service: Service, pods: readonly Pod[]): readonly Pod[] {
  return pods
    .filter((pod) => selects(service, pod) && (pod.status?.podIP ?? "") !== "" && !isTerminal(pod))
    .toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1));
}

/** The number behind targetPort in this pod; undefined when the pod has no port of that name. */
export function targetPortOf(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const protocol = port.protocol ?? "TCP";
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find(
      ({ name, protocol: own = "TCP" }) => name === target && own === protocol,
    );
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** The pod's name in DNS below a headless service. */
export function hostnameOf(service: Service, pod: Pod): string | undefined {
  const { hostname = "", subdomain } = pod.spec ?? {};
  return hostname !== "" && subdomain === service.metadata?.name ? hostname : undefined;
}

/** Calls `enqueue` with the key of every Service that a change of a pod may concern. */
export function followPods(
  { services, pods }: { readonly services: Informer<Service>; readonly pods: Informer<Pod> },
  enqueue: (key: string) => void,
): void {
  const changed = (...states: readonly Pod[]): void => {
    for (const service of services.lister.list(states[0]?.metadata?.namespace)) {
      if (states.some((pod) => selects(service, pod))) enqueue(keyOf(service));
    }
  };
  pods.addHandler({
    add: (pod) => {
      changed(pod);
    },
    update: (pod, old) => {
      if (concernsServices(pod, old)) changed(pod, old);
    },
    delete: (pod) => {
      changed(pod);
    },
  });
}

/** Most updates of a pod say nothing new to its services. */
function concernsServices(pod: Pod, old: Pod): boolean {
  return aspect(pod) !== aspect(old);
}

function aspect(pod: Pod): string {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready")?.status;
  const { labels, deletionTimestamp } = pod.metadata ?? {};
  const { podIP, phase } = pod.status ?? {};
  return JSON.stringify([
    labels,
    deletionTimestamp,
    podIP,
    phase,
    ready,
    pod.spec?.nodeName,
    pod.spec?.hostname,
  ]);
}
