/**
 * The Service `kubernetes` in default, by which pods find the API, and where it leads to.
 * upstream: pkg/controlplane/controller/kubernetesservice, pkg/controlplane/reconcilers
 */
import { isDeepStrictEqual } from "node:util";
import { isIPv6 } from "node:net";
import type { Endpoints, Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { endpoints, endpointSlices, serviceCidrs, services } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { ensureObject } from "./ensure-object.ts";

const namespace = "default";
const name = "kubernetes";

export interface KubernetesServiceOptions {
  /** One, or one of each family. */
  readonly serviceCidrs: readonly string[];
  /** The first address of the service range. */
  readonly clusterIp: string;
  /** Where servers can be reached from pods, all of one family; none when they can't. */
  readonly addresses: readonly string[];
  readonly securePort: number;
}

/** Makes range, service, endpoints and slice what they should be; leaves what already is. */
export async function reconcileKubernetesService(
  client: Client,
  options: KubernetesServiceOptions,
  signal: AbortSignal,
): Promise<void> {
  await ensureObject(client.resource(serviceCidrs), name, (existing) => planCidrs(existing, options), signal);
  await Promise.all([
    ensureObject(client.resource(services, namespace), name, (old) => planService(old, options), signal),
    ensureObject(client.resource(endpoints, namespace), name, (old) => planEndpoints(old, options), signal),
    ensureObject(client.resource(endpointSlices, namespace), name, (old) => planSlice(old, options), signal),
  ]);
}

/** The range that services get their addresses from; like upstream, an existing one is never changed. */
function planCidrs(
  existing: ServiceCIDR | undefined,
  options: KubernetesServiceOptions,
): ServiceCIDR | undefined {
  return existing === undefined
    ? { metadata: { name }, spec: { cidrs: [...options.serviceCidrs] } }
    : undefined;
}

/** Ports are repaired, the rest of an existing service is left as it is: its cluster IP can't change. */
function planService(existing: Service | undefined, options: KubernetesServiceOptions): Service | undefined {
  const ports = [{ name: "https", port: 443, protocol: "TCP", targetPort: options.securePort }];
  if (existing !== undefined) {
    if (isDeepStrictEqual(existing.spec?.ports, ports)) return undefined;
    return { ...existing, spec: { ...existing.spec, ports } };
  }
  return {
    metadata: { namespace, name, labels: { provider: "kubernetes", component: "apiserver" } },
    spec: {
      ports,
      clusterIP: options.clusterIp,
      ipFamilyPolicy: "SingleStack",
      sessionAffinity: "None",
      type: "ClusterIP",
    },
  };
}

function planEndpoints(
  existing: Endpoints | undefined,
  options: KubernetesServiceOptions,
): Endpoints | undefined {
  const skipMirror = "endpointslice.kubernetes.io/skip-mirror";
  const ports = [{ name: "https", port: options.securePort, protocol: "TCP" }];
  const addresses = options.addresses.map((ip) => ({ ip }));
  const subsets = addresses.length === 0 ? [] : [{ addresses, ports }];
  const isRight =
    existing?.metadata?.labels?.[skipMirror] === "true" && isDeepStrictEqual(existing.subsets ?? [], subsets);
  if (isRight) return undefined;
  const labels = { ...existing?.metadata?.labels, [skipMirror]: "true" };
  return { ...existing, metadata: { ...existing?.metadata, namespace, name, labels }, subsets };
}

function planSlice(
  existing: EndpointSlice | undefined,
  options: KubernetesServiceOptions,
): EndpointSlice | undefined {
  const serviceName = "kubernetes.io/service-name";
  const addressType = options.addresses.some((address) => isIPv6(address)) ? "IPv6" : "IPv4";
  const wanted = {
    endpoints: options.addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", port: options.securePort, protocol: "TCP" }],
  };
  const isRight =
    existing?.metadata?.labels?.[serviceName] === name &&
    isDeepStrictEqual({ endpoints: existing.endpoints, ports: existing.ports }, wanted);
  if (isRight) return undefined;
  const labels = { ...existing?.metadata?.labels, [serviceName]: name };
  return {
    ...existing,
    metadata: { ...existing?.metadata, namespace, name, labels },
    addressType,
    ...wanted,
  };
}
