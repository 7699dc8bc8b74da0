/**
 * From a Service to an address that this server can dial: its cluster IP, where a node runs here, or else one of its
 * pods. upstream: apiserver/pkg/util/proxy/proxy.go, kube-aggregator/pkg/apiserver/resolvers.go
 */
import type { Service, ServicePort } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { isNotFound, serviceUnavailableError } from "#api/meta/status.ts";
import { endpointSlices, services } from "#api/resources.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface ServiceResolver {
  /** Throws StatusError, or Error for a service that can't be dialled by its nature. */
  resolve(namespace: string, name: string, port: number): Promise<HostPort>;
}

/** How requests to services leave this server. "cluster" needs a kube-proxy on this machine. */
export type ServiceRouting = "cluster" | "endpoints";

export interface ServiceResolverDeps {
  readonly client: () => Client;
  readonly random: Random;
  /** Where this server itself listens: the Service "kubernetes" needs no way around. */
  readonly own: () => HostPort;
}

export class ClusterServiceResolver implements ServiceResolver {
  readonly #routing: ServiceRouting;
  readonly #deps: ServiceResolverDeps;

  constructor(routing: ServiceRouting, deps: ServiceResolverDeps) {
    this.#routing = routing;
    this.#deps = deps;
  }

  async resolve(namespace: string, name: string, port: number): Promise<HostPort> {
    if (namespace === "default" && name === "kubernetes" && port === 443) return this.#deps.own();
    const service = await this.#serviceOf(namespace, name);
    const { type, externalName = "", clusterIP = "" } = service.spec ?? {};
    if (type === "ExternalName") {
      if (this.#routing === "cluster") return { host: externalName, port };
      throw new Error(`unsupported service type ${JSON.stringify(type)}`);
    }
    const found = portOf(service, port);
    if (this.#routing === "endpoints") return this.#endpointOf(service, found);
    if (clusterIP === "None") throw new Error('cannot route to service with ClusterIP "None"');
    return { host: clusterIP, port: found.port };
  }

  async #serviceOf(namespace: string, name: string): Promise<Service> {
    try {
      return await this.#deps.client().resource(services, namespace).get(name);
    } catch (error) {
      // As upstream's lister words it.
      if (isNotFound(error)) throw new Error(`service ${JSON.stringify(name)} not found`, { cause: error });
      throw error;
    }
  }

  async #endpointOf({ metadata }: Service, { name: portName = "" }: ServicePort): Promise<HostPort> {
    const { name = "", namespace = "" } = metadata ?? {};
    const slices = await this.#deps
      .client()
      .resource(endpointSlices, namespace)
      .list({ labelSelector: `kubernetes.io/service-name=${name}` });
    const all = readyEndpoints(slices.items, portName);
    const chosen = all[Math.floor(this.#deps.random.next() * all.length)];
    if (chosen !== undefined) return chosen;
    throw serviceUnavailableError(`no endpoints available for service ${JSON.stringify(name)}`);
  }
}

function portOf({ metadata, spec }: Service, number: number): ServicePort {
  const found = spec?.ports?.find(({ port }) => port === number);
  if (found !== undefined) return found;
  throw serviceUnavailableError(
    `no service port ${number} found for service ${JSON.stringify(metadata?.name ?? "")}`,
  );
}

/** Where the pods behind a port are; `portName` is "" for an unnamed port. */
function readyEndpoints(slices: readonly EndpointSlice[], portName: string): readonly HostPort[] {
  return slices.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(({ name }) => (name ?? "") === portName)?.port;
    if (port === undefined) return [];
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.slice(0, 1))
      .map((host) => ({ host, port }));
  });
}
