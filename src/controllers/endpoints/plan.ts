/** The Endpoints of a Service: the older API, still read by clients. Pure. upstream: pkg/controller/endpoint/endpoints_controller.go */
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Pod,
  Service,
} from "#api/generated/types/core-v1.ts";
import { isActive, isReady } from "../pods/pod-state.ts";
import { hostnameOf, podsOf, targetPortOf } from "../services/service-pods.ts";

/** Upstream's bound of addresses in one object. */
export const addressesMax = 1000;

export interface EndpointsPlan {
  readonly subsets: EndpointSubset[];
  readonly isTruncated: boolean;
}

interface Subset {
  readonly ports: EndpointPort[];
  readonly ready: EndpointAddress[];
  readonly notReady: EndpointAddress[];
}

export function planEndpoints(service: Service, pods: readonly Pod[]): EndpointsPlan {
  const subsets = new Map<string, Subset>();
  let left = addressesMax;
  let isTruncated = false;
  const publishesAll = service.spec?.publishNotReadyAddresses === true;
  for (const pod of podsOf(service, pods).filter((one) => publishesAll || isActive(one))) {
    if (left === 0) {
      isTruncated = true;
      break;
    }
    left -= 1;
    const ports = portsOf(service, pod);
    // Without ports of its own a headless service lists its pods all the same; a port that a pod lacks leaves it out.
    const isPortless = service.spec?.clusterIP === "None" && (service.spec.ports ?? []).length === 0;
    if (ports.length === 0 && !isPortless) continue;
    const key = JSON.stringify(ports);
    const subset = subsets.get(key) ?? { ports, ready: [], notReady: [] };
    subsets.set(key, subset);
    const isPublished = publishesAll || isReady(pod);
    (isPublished ? subset.ready : subset.notReady).push(addressOf(service, pod));
  }
  const sorted = [...subsets].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, subset]) => subset);
  return { subsets: sorted.map(finish), isTruncated };
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    const { name, protocol = "TCP", appProtocol } = servicePort;
    if (port === undefined) return [];
    return [
      {
        ...(name === undefined || name === "" ? {} : { name }),
        port,
        protocol,
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
}

function addressOf(service: Service, pod: Pod): EndpointAddress {
  const { namespace, name, uid } = pod.metadata ?? {};
  const hostname = hostnameOf(service, pod);
  const nodeName = pod.spec?.nodeName;
  return {
    ip: pod.status?.podIP ?? "",
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

function finish({ ports, ready, notReady }: Subset): EndpointSubset {
  return {
    ...(ready.length === 0 ? {} : { addresses: ready }),
    ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
    ...(ports.length === 0 ? {} : { ports }),
  };
}
