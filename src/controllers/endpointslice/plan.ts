/** A Service's slices as they should be, against those there are. Pure. upstream: staging/src/k8s.io/endpointslice/{reconciler,utils}.go */
import type { Pod, Service } from "#api/generated/types/core-v1.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { isReady } from "../pods/pod-state.ts";
import { hostnameOf, podsOf, targetPortOf } from "../services/service-pods.ts";

/** Upstream's default of --max-endpoints-per-slice. */
export const endpointsMax = 100;
export const managedBy = "endpointslice-controller.k8s.io";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const serviceNameLabel = "kubernetes.io/service-name";
const headlessLabel = "service.kubernetes.io/headless";

export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

export interface SliceInput {
  readonly service: Service;
  readonly pods: readonly Pod[];
  /** The slices of this service that are ours. */
  readonly slices: readonly EndpointSlice[];
  /** Topology zone by node. */
  readonly zoneOf: (node: string) => string | undefined;
}

interface Group {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

/** Endpoints stay in the slice that has them; new ones fill what has room; slices that run empty go. */
export function planSlices(input: SliceInput): SlicePlan {
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove = new Set(input.slices);
  for (const group of groupEndpoints(input)) {
    const own = input.slices.filter((slice) => portsKey(slice.ports ?? []) === portsKey(group.ports));
    const bins = pack(group, own);
    for (const { slice, endpoints } of bins) {
      const wanted = sliceOf(input.service, { slice, ports: group.ports, endpoints });
      if (slice === undefined) create.push(wanted);
      else {
        remove.delete(slice);
        if (contentOf(slice) !== contentOf(wanted)) update.push(wanted);
      }
    }
  }
  return { create, update, remove: [...remove] };
}

interface Bin {
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: Endpoint[];
}

function pack(group: Group, own: readonly EndpointSlice[]): readonly Bin[] {
  const waiting = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const bins: Bin[] = own.map((slice) => {
    const endpoints = slice.endpoints.flatMap((endpoint) => {
      const wanted = waiting.get(identityOf(endpoint));
      waiting.delete(identityOf(endpoint));
      return wanted === undefined ? [] : [wanted];
    });
    return { slice, endpoints };
  });
  const rest = [...waiting.values()];
  for (const bin of bins) {
    bin.endpoints.push(...rest.splice(0, Math.max(0, endpointsMax - bin.endpoints.length)));
  }
  while (rest.length > 0) bins.push({ slice: undefined, endpoints: rest.splice(0, endpointsMax) });
  const used = bins.filter(({ endpoints }) => endpoints.length > 0);
  if (used.length > 0 || group.endpoints.length > 0) return used;
  // Nobody behind the service: one empty slice says that somebody has looked.
  return [bins[0] ?? { slice: undefined, endpoints: [] }];
}

/** Endpoints by the ports they have: pods may give one name different numbers. */
function groupEndpoints({ service, pods, zoneOf }: SliceInput): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const pod of podsOf(service, pods)) {
    const ports = endpointPortsOf(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(service, pod, zoneOf));
  }
  return groups.size > 0 ? [...groups.values()] : [{ ports: [], endpoints: [] }];
}

function endpointPortsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return [{ name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function endpointOf(service: Service, pod: Pod, zoneOf: SliceInput["zoneOf"]): Endpoint {
  const serving = isReady(pod);
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName === undefined ? undefined : zoneOf(nodeName);
  const hostname = hostnameOf(service, pod);
  const { namespace, name, uid } = pod.metadata ?? {};
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
  };
}

function sliceOf(
  service: Service,
  {
    slice,
    ports,
    endpoints,
  }: {
    readonly slice: EndpointSlice | undefined;
    readonly ports: readonly EndpointPort[];
    readonly endpoints: readonly Endpoint[];
  },
): EndpointSlice {
  const { namespace, name = "", uid = "" } = service.metadata ?? {};
  const owner = { apiVersion: "v1", kind: "Service", name, uid, controller: true, blockOwnerDeletion: true };
  return {
    ...slice,
    metadata: {
      ...(slice?.metadata ?? { namespace, generateName: `${name}-` }),
      labels: labelsOf(service),
      ownerReferences: [owner],
    },
    addressType: "IPv4",
    ports: [...ports],
    endpoints: [...endpoints],
  };
}

function labelsOf(service: Service): Record<string, string> {
  return {
    ...service.metadata?.labels,
    ...(service.spec?.clusterIP === "None" ? { [headlessLabel]: "" } : {}),
    [serviceNameLabel]: service.metadata?.name ?? "",
    [managedByLabel]: managedBy,
  };
}

const identityOf = ({ addresses, targetRef }: Endpoint): string =>
  `${addresses.join(",")} ${targetRef?.uid ?? ""}`;

const portsKey = (ports: readonly EndpointPort[]): string =>
  JSON.stringify(
    ports
      .map(({ name = "", protocol, port, appProtocol }) => [name, protocol, port, appProtocol ?? ""])
      .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
  );

/** What matters for whether a slice must be written. */
function contentOf({ metadata, ports, endpoints, addressType }: EndpointSlice): string {
  const rows = endpoints.map(({ addresses, conditions, hostname, nodeName, zone, targetRef }) => [
    addresses,
    [conditions?.ready, conditions?.serving, conditions?.terminating],
    [hostname, nodeName, zone],
    [targetRef?.namespace, targetRef?.name, targetRef?.uid],
  ]);
  const labels = Object.entries(metadata?.labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    addressType,
    portsKey(ports ?? []),
    rows.map((row) => JSON.stringify(row)).toSorted(byText),
    labels,
  ]);
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
