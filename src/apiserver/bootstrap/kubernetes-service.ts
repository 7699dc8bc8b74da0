/**
 * The Service `kubernetes` in default, by which pods find the API, and where it leads to.
 * upstream: pkg/controlplane/controller/kubernetesservice, pkg/controlplane/reconcilers
 */
import { isDeepStrictEqual } from "node:util";
import { isIPv6 } from "node:net";
import type { Endpoints, Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { endpoints, endpointSlices, services } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { isNotFound } from "#api/meta/status.ts";
import { ensureObject } from "./ensure-object.ts";
import type { ServerAddress } from "./server-leases.ts";

const namespace = "default";
const name = "kubernetes";
const serviceLabel = "kubernetes.io/service-name";

export interface KubernetesServiceOptions {
  /** The first address of the service range. */
  readonly clusterIp: string;
  /** Where servers can be reached from pods, all of one family; none when they can't. */
  readonly servers: readonly ServerAddress[];
  /** Of this server. */
  readonly securePort: number;
}

/** Addresses that share a port: a slice has one port for all of its endpoints. */
interface Group {
  readonly port: number;
  readonly addresses: readonly string[];
}

/** The lowest port first, so that all servers agree which group is which. */
function groupsOf({ servers, securePort }: KubernetesServiceOptions): readonly Group[] {
  const ports = [...new Set(servers.map(({ port }) => port))].toSorted((a, b) => a - b);
  if (ports.length === 0) return [{ port: securePort, addresses: [] }];
  return ports.map((port) => ({
    port,
    addresses: servers.filter((server) => server.port === port).map(({ address }) => address),
  }));
}

/** Makes service, endpoints and slice what they should be; leaves what already is. */
export async function reconcileKubernetesService(
  client: Client,
  options: KubernetesServiceOptions,
  signal: AbortSignal,
): Promise<void> {
  const groups = groupsOf(options);
  const slices = client.resource(endpointSlices, namespace);
  const wanted = new Map(groups.map((group, at) => [at === 0 ? name : `${name}-${group.port}`, group]));
  await Promise.all([
    ensureObject(client.resource(services, namespace), name, (old) => planService(old, options), signal),
    ensureObject(client.resource(endpoints, namespace), name, (old) => planEndpoints(old, groups), signal),
    ...[...wanted].map(([slice, group]) =>
      ensureObject(slices, slice, (old) => planSlice(old, slice, group), signal),
    ),
  ]);
  const { items } = await slices.list({ labelSelector: `${serviceLabel}=${name}` }, signal);
  for (const { metadata } of items) {
    const slice = metadata?.name ?? "";
    if (!/^kubernetes-\d+$/.test(slice) || wanted.has(slice)) continue;
    await slices.delete(slice).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

/** Ports are repaired, the rest of an existing service is left as it is: its cluster IP can't change. */
function planService(existing: Service | undefined, options: KubernetesServiceOptions): Service | undefined {
  const ports = [{ name: "https", port: 443, protocol: "TCP", targetPort: options.securePort }];
  if (existing !== undefined) {
    const isRight = [options.securePort, ...options.servers.map(({ port }) => port)].some((targetPort) =>
      isDeepStrictEqual(
        existing.spec?.ports,
        ports.map((port) => ({ ...port, targetPort })),
      ),
    );
    if (isRight) return undefined;
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

function planEndpoints(existing: Endpoints | undefined, groups: readonly Group[]): Endpoints | undefined {
  const skipMirror = "endpointslice.kubernetes.io/skip-mirror";
  const subsets = groups
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ addresses, port }) => ({
      addresses: addresses.map((ip) => ({ ip })),
      ports: [{ name: "https", port, protocol: "TCP" }],
    }));
  const isRight =
    existing?.metadata?.labels?.[skipMirror] === "true" && isDeepStrictEqual(existing.subsets ?? [], subsets);
  if (isRight) return undefined;
  const labels = { ...existing?.metadata?.labels, [skipMirror]: "true" };
  return { ...existing, metadata: { ...existing?.metadata, namespace, name, labels }, subsets };
}

function planSlice(
  existing: EndpointSlice | undefined,
  slice: string,
  { addresses, port }: Group,
): EndpointSlice | undefined {
  const addressType = addresses.some((address) => isIPv6(address)) ? "IPv6" : "IPv4";
  const wanted = {
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
  const isRight =
    existing?.metadata?.labels?.[serviceLabel] === name &&
    isDeepStrictEqual({ endpoints: existing.endpoints, ports: existing.ports }, wanted);
  if (isRight) return undefined;
  const labels = { ...existing?.metadata?.labels, [serviceLabel]: name };
  return {
    ...existing,
    metadata: { ...existing?.metadata, namespace, name: slice, labels },
    addressType,
    ...wanted,
  };
}
