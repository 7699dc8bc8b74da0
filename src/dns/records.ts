/**
 * What a name in the cluster means, by the Kubernetes DNS specification 1.1.0. Pure: the data is looked up through
 * ClusterData. https://github.com/kubernetes/dns/blob/master/docs/specification.md
 */
import { endpointsIn, portsIn } from "#api/discovery/slice-lists.ts";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { Endpoint, EndpointSlice } from "#api/generated/types/discovery-v1.ts";

/** Lookups the records are made from: informers with indexes. */
export interface ClusterData {
  service(namespace: string, name: string): Service | undefined;
  hasNamespace(name: string): boolean;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  /** Services with this cluster IP. */
  servicesAt(ip: string): readonly Service[];
  /** Slices with an endpoint at this address. */
  slicesAt(ip: string): readonly EndpointSlice[];
}

export type DnsRecord =
  | { readonly type: "A"; readonly name: string; readonly data: string }
  | {
      readonly type: "SRV";
      readonly name: string;
      readonly data: {
        readonly port: number;
        readonly target: string;
        readonly priority: number;
        readonly weight: number;
      };
    }
  | { readonly type: "PTR" | "CNAME" | "NS"; readonly name: string; readonly data: string }
  | { readonly type: "TXT"; readonly name: string; readonly data: string };

export interface Found {
  readonly exists: boolean;
  readonly records: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

/** Not ours: ask somebody else. */
export type Resolution = Found | undefined;

const schemaVersion = "1.1.0";
const nothing: Found = { exists: false, records: [], additional: [] };
const noData: Found = { exists: true, records: [], additional: [] };

const found = (records: readonly DnsRecord[], additional: readonly DnsRecord[] = []): Found => ({
  exists: true,
  records,
  additional,
});

export class ClusterRecords {
  readonly #domain: string;
  readonly #data: ClusterData;

  constructor(domain: string, data: ClusterData) {
    this.#domain = domain;
    this.#data = data;
  }

  /** `name` in lower case without the last dot. Undefined when it isn't of the cluster. */
  resolve(name: string): Resolution {
    if (name.endsWith(".in-addr.arpa")) return this.#reverse(name);
    if (name === this.#domain) return found([{ type: "NS", name, data: `ns.dns.${this.#domain}` }]);
    if (!name.endsWith(`.${this.#domain}`)) return undefined;
    const labels = name.slice(0, -this.#domain.length - 1).split(".");
    const kind = labels.at(-1);
    if (name === `dns-version.${this.#domain}`) return found([{ type: "TXT", name, data: schemaVersion }]);
    if (kind === "svc") return this.#service(name, labels.slice(0, -1));
    if (kind === "pod") return this.#pod(name, labels.slice(0, -1));
    return nothing;
  }

  #service(name: string, labels: readonly string[]): Found {
    const namespace = labels.at(-1);
    // "svc" and a namespace have names below them, but no records of their own.
    if (namespace === undefined) return noData;
    if (!this.#data.hasNamespace(namespace)) return nothing;
    const serviceName = labels.at(-2);
    if (serviceName === undefined) return noData;
    const service = this.#data.service(namespace, serviceName);
    if (service === undefined) return nothing;
    const rest = labels.slice(0, -2);
    if (service.spec?.type === "ExternalName") return externalName(name, service, rest);
    if (rest.length === 0) return found(this.#addresses(name, service));
    const [first = "", second = ""] = rest;
    if (rest.length === 2 && first.startsWith("_") && second.startsWith("_")) {
      return this.#ports(name, service, { port: first.slice(1), protocol: second.slice(1) });
    }
    if (rest.length === 1 && isHeadless(service)) return this.#endpointByHost(name, service, first);
    return nothing;
  }

  #addresses(name: string, service: Service): DnsRecord[] {
    const ips = isHeadless(service)
      ? this.#readyEndpoints(service).map(({ endpoint }) => endpoint.addresses[0] ?? "")
      : (service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? ""]);
    return [...new Set(ips)].filter(isIpv4).map((data) => ({ type: "A", name, data }));
  }

  #endpointByHost(name: string, service: Service, host: string): Found {
    const ips = this.#readyEndpoints(service)
      .filter(({ endpoint }) => hostOf(endpoint) === host)
      .map(({ endpoint }) => endpoint.addresses[0] ?? "");
    return ips.length === 0 ? nothing : found(ips.filter(isIpv4).map((data) => ({ type: "A", name, data })));
  }

  #ports(
    name: string,
    service: Service,
    wanted: { readonly port: string; readonly protocol: string },
  ): Found {
    const serviceHost = this.#hostNameOf(service);
    if (!isHeadless(service)) {
      const ports = (service.spec?.ports ?? []).filter((port) => fits(port, wanted));
      if (ports.length === 0) return nothing;
      const targets = this.#addresses(serviceHost, service);
      return found(
        ports.map(({ port }) => srv(name, serviceHost, port)),
        targets,
      );
    }
    const records: DnsRecord[] = [];
    const additional: DnsRecord[] = [];
    for (const { endpoint, slice } of this.#readyEndpoints(service)) {
      const target = `${hostOf(endpoint)}.${serviceHost}`;
      for (const port of portsIn(slice).filter((candidate) => fits(candidate, wanted))) {
        if (port.port === undefined) continue;
        records.push(srv(name, target, port.port));
        additional.push({ type: "A", name: target, data: endpoint.addresses[0] ?? "" });
      }
    }
    return records.length === 0 ? nothing : found(records, additional);
  }

  #readyEndpoints(service: Service): { readonly endpoint: Endpoint; readonly slice: EndpointSlice }[] {
    const { namespace = "", name = "" } = service.metadata ?? {};
    return this.#data
      .slices(namespace, name)
      .filter(({ addressType }) => addressType === "IPv4")
      .flatMap((slice) => endpointsIn(slice).map((endpoint) => ({ endpoint, slice })))
      .filter(({ endpoint }) => endpoint.conditions?.ready !== false);
  }

  /** 10-42-0-5.default.pod: the address is in the name. */
  #pod(name: string, labels: readonly string[]): Found {
    const [dashed = "", namespace] = labels;
    if (labels.length === 0) return noData;
    if (labels.length === 1) return this.#data.hasNamespace(dashed) ? noData : nothing;
    const ip = dashed.replaceAll("-", ".");
    if (labels.length > 2 || namespace === undefined || !this.#data.hasNamespace(namespace)) return nothing;
    return isIpv4(ip) ? found([{ type: "A", name, data: ip }]) : nothing;
  }

  #reverse(name: string): Resolution {
    const ip = name.slice(0, -".in-addr.arpa".length).split(".").toReversed().join(".");
    if (!isIpv4(ip)) return undefined;
    const names = [
      ...this.#data.servicesAt(ip).map((service) => this.#hostNameOf(service)),
      ...this.#data.slicesAt(ip).flatMap((slice) => this.#endpointNames(slice, ip)),
    ];
    const [first] = [...new Set(names)];
    return first === undefined ? undefined : found([{ type: "PTR", name, data: first }]);
  }

  #endpointNames(slice: EndpointSlice, ip: string): string[] {
    const namespace = slice.metadata?.namespace ?? "";
    const service = this.#data.service(
      namespace,
      slice.metadata?.labels?.["kubernetes.io/service-name"] ?? "",
    );
    if (service === undefined || !isHeadless(service)) return [];
    return endpointsIn(slice)
      .filter(({ addresses }) => addresses.includes(ip))
      .map((endpoint) => `${hostOf(endpoint)}.${this.#hostNameOf(service)}`);
  }

  #hostNameOf(service: Service): string {
    return `${service.metadata?.name}.${service.metadata?.namespace}.svc.${this.#domain}`;
  }
}

const isHeadless = (service: Service): boolean => service.spec?.clusterIP === "None";

function externalName(name: string, service: Service, rest: readonly string[]): Found {
  const target = service.spec?.externalName;
  return rest.length > 0 || target === undefined ? nothing : found([{ type: "CNAME", name, data: target }]);
}

function srv(name: string, target: string, port: number): DnsRecord {
  return { type: "SRV", name, data: { port, target, priority: 0, weight: 100 } };
}

function fits(
  port: { readonly name?: string | undefined; readonly protocol?: string | undefined },
  wanted: { readonly port: string; readonly protocol: string },
): boolean {
  return port.name === wanted.port && (port.protocol ?? "TCP").toLowerCase() === wanted.protocol;
}

/** The name of an endpoint below its headless service: its host name, or its address with dashes. */
const hostOf = (endpoint: Endpoint): string =>
  endpoint.hostname ?? (endpoint.addresses[0] ?? "").replaceAll(".", "-");

const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split(".").every((part) => Number(part) <= 255);
