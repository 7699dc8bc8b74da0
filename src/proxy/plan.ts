/** What traffic shall go where: Services and EndpointSlices to frontends and backends. Pure. */
import { endpointsIn, portsIn } from "#api/discovery/slice-lists.ts";
import type { EndpointSlice, Endpoint } from "#api/generated/types/discovery-v1.ts";
import type { Service, ServicePort } from "#api/generated/types/core-v1.ts";

export type Protocol = "tcp" | "udp";

export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** One address and port that clients use. */
export interface Frontend {
  /** Undefined: every address of this node (a NodePort). */
  readonly ip: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
  /** Empty: connections are refused at once. */
  readonly backends: readonly Backend[];
  /**
   * Whose packets must get this node's source address: everybody's ("always"), those from outside the pod network
   * ("outside"), or nobody's (externalTrafficPolicy Local keeps the client's address).
   */
  readonly masquerade: "always" | "outside" | "never";
  /** Seconds that a client sticks to its backend; 0 means it doesn't. */
  readonly affinitySeconds: number;
  /** Local-only policies drop instead of refusing: the client should try another node. */
  readonly whenEmpty: "reject" | "drop";
}

export interface ProxyPlan {
  /** Sorted, no address and port twice. */
  readonly frontends: readonly Frontend[];
  /** Every service address: other ports on them are refused. */
  readonly clusterIps: readonly string[];
}

export interface PlanInput {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly nodeName: string;
}

/** upstream: pkg/proxy/topology.go, pkg/proxy/servicechangetracker.go */
export function planProxy({ services, slices, nodeName }: PlanInput): ProxyPlan {
  const slicesOf = groupByService(slices);
  const frontends = new Map<string, Frontend>();
  const clusterIps = new Set<string>();
  for (const service of services) {
    if (!isProxied(service)) continue;
    for (const ip of clusterIpsOf(service)) clusterIps.add(ip);
    const own = slicesOf.get(`${service.metadata?.namespace}/${service.metadata?.name}`) ?? [];
    for (const port of service.spec?.ports ?? []) {
      for (const frontend of frontendsOf({ service, port, candidates: endpointsOf(own, port), nodeName })) {
        frontends.set(frontendKey(frontend), frontend);
      }
    }
  }
  return {
    frontends: [...frontends.values()].toSorted((a, b) => (frontendKey(a) < frontendKey(b) ? -1 : 1)),
    clusterIps: [...clusterIps].toSorted(),
  };
}

export const frontendKey = ({ ip, protocol, port }: Frontend): string => `${ip ?? "*"}/${protocol}/${port}`;

function isProxied(service: Service): boolean {
  const { spec, metadata } = service;
  if (spec === undefined || spec.type === "ExternalName") return false;
  if (spec.clusterIP === undefined || spec.clusterIP === "" || spec.clusterIP === "None") return false;
  return metadata?.labels?.["service.kubernetes.io/service-proxy-name"] === undefined;
}

function groupByService(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const name = slice.metadata?.labels?.["kubernetes.io/service-name"];
    if (name === undefined || slice.addressType !== "IPv4") continue;
    const key = `${slice.metadata?.namespace}/${name}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

interface Candidate extends Backend {
  readonly nodeName: string | undefined;
  readonly ready: boolean;
  readonly servingTerminating: boolean;
}

function endpointsOf(slices: readonly EndpointSlice[], port: ServicePort): Candidate[] {
  const candidates = new Map<string, Candidate>();
  for (const slice of slices) {
    const slicePort = portsIn(slice).find(({ name }) => (name ?? "") === (port.name ?? ""));
    if (slicePort?.port === undefined) continue;
    for (const endpoint of endpointsIn(slice)) {
      const [ip] = endpoint.addresses;
      if (ip === undefined) continue;
      const candidate = { ip, port: slicePort.port, nodeName: endpoint.nodeName, ...readiness(endpoint) };
      candidates.set(`${ip}:${slicePort.port}`, candidate);
    }
  }
  return [...candidates.values()].toSorted((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

function readiness({ conditions }: Endpoint): { ready: boolean; servingTerminating: boolean } {
  return {
    ready: conditions?.ready !== false,
    servingTerminating: conditions?.serving !== false && conditions?.terminating === true,
  };
}

/** Ready ones; when there is none, those that still serve while they terminate. */
function usable(candidates: readonly Candidate[]): Backend[] {
  const ready = candidates.filter(({ ready: isReady }) => isReady);
  const chosen = ready.length > 0 ? ready : candidates.filter(({ servingTerminating }) => servingTerminating);
  return chosen.map(({ ip, port }) => ({ ip, port }));
}

interface PortContext {
  readonly service: Service;
  readonly port: ServicePort;
  readonly candidates: readonly Candidate[];
  readonly nodeName: string;
}

type Traffic = Omit<Frontend, "ip" | "port">;

function frontendsOf(context: PortContext): Frontend[] {
  const { service, port } = context;
  const protocol = (port.protocol ?? "TCP").toLowerCase();
  if (protocol !== "tcp" && protocol !== "udp") return [];
  const spec = service.spec ?? {};
  const internal = traffic(context, protocol, spec.internalTrafficPolicy === "Local");
  const isExternalLocal = spec.externalTrafficPolicy === "Local";
  const external: Traffic = {
    ...traffic(context, protocol, isExternalLocal),
    masquerade: isExternalLocal ? "never" : "always",
  };
  return [
    ...clusterIpsOf(service).map((ip) => ({ ...internal, ip, port: port.port })),
    ...outerIpsOf(service).map((ip) => ({ ...external, ip, port: port.port })),
    ...(hasNodePort(port) && (spec.type === "NodePort" || spec.type === "LoadBalancer")
      ? [{ ...external, ip: undefined, port: port.nodePort }]
      : []),
  ];
}

function traffic(
  { service, candidates, nodeName }: PortContext,
  protocol: Protocol,
  isLocal: boolean,
): Traffic {
  const allowed = isLocal ? candidates.filter((candidate) => candidate.nodeName === nodeName) : candidates;
  return {
    protocol,
    backends: usable(allowed),
    masquerade: "outside",
    affinitySeconds: affinityOf(service),
    whenEmpty: isLocal && candidates.length > 0 ? "drop" : "reject",
  };
}

function affinityOf({ spec }: Service): number {
  if (spec?.sessionAffinity !== "ClientIP") return 0;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800;
}

const clusterIpsOf = ({ spec }: Service): string[] => ipv4Of(spec?.clusterIPs ?? [spec?.clusterIP ?? ""]);

const outerIpsOf = ({ spec, status }: Service): string[] =>
  ipv4Of([...(spec?.externalIPs ?? []), ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "")]);

function hasNodePort(port: ServicePort): port is ServicePort & { nodePort: number } {
  return port.nodePort !== undefined && port.nodePort > 0;
}

const ipv4Of = (ips: readonly string[]): string[] => ips.filter((ip) => /^\d+\.\d+\.\d+\.\d+$/.test(ip));
