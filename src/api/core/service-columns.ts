/** Services and Endpoints in tables. upstream: pkg/printers/internalversion/printers.go */
import type { Endpoints, EndpointSubset, Service, ServicePort } from "../generated/types/core-v1.ts";
import { formatLabels } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, firstFew, nameOf, orNone, type Cell, type Printer } from "../meta/printer.ts";

interface BalancerStatus {
  readonly ingress?:
    | readonly { readonly ip?: string | undefined; readonly hostname?: string | undefined }[]
    | undefined;
}

/** The addresses, sorted, none twice. */
export function balancerAddresses(status: BalancerStatus | undefined): readonly string[] {
  const addresses = (status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
  return [...new Set(addresses.filter((address) => address !== ""))].toSorted();
}

function externalText({ spec, status }: Loose<Service>): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case "ClusterIP":
    case "NodePort":
      return orNone(external.join(","));
    case "LoadBalancer":
      return [...balancerAddresses(status?.loadBalancer), ...external].join(",") || "<pending>";
    case "ExternalName":
      return spec.externalName ?? "";
    case undefined:
    default:
      return "<unknown>";
  }
}

function portText({ port = 0, nodePort = 0, protocol = "" }: Loose<ServicePort>): string {
  return nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}

function serviceCells(service: Loose<Service>, nowMs: number): readonly Cell[] {
  const { spec } = service;
  return [
    nameOf(service),
    spec?.type ?? "",
    orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP),
    externalText(service),
    orNone(spec?.ports?.map(portText).join(",")),
    ageOf(service, nowMs),
    formatLabels(spec?.selector),
  ];
}

const hostPort = (ip: string, port: number): string =>
  ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;

function subsetTexts({ addresses = [], ports = [] }: Loose<EndpointSubset>): readonly string[] {
  const ips = addresses.map(({ ip = "" }) => ip);
  return ports.length === 0 ? ips : ports.flatMap(({ port = 0 }) => ips.map((ip) => hostPort(ip, port)));
}

function endpointsText({ subsets = [] }: Loose<Endpoints>): string {
  const texts = subsets.flatMap(subsetTexts);
  return firstFew(texts, 3, subsets.length === 0 ? "<none>" : "");
}

export const servicePrinter: Printer = {
  columns: columns("Name~|Type|Cluster-IP|External-IP|Port(s)|Age|Selector*"),
  cells: serviceCells,
};

export const endpointsPrinter: Printer = {
  columns: columns("Name~|Endpoints|Age"),
  cells: (endpoints: Loose<Endpoints>, nowMs: number) => [
    nameOf(endpoints),
    endpointsText(endpoints),
    ageOf(endpoints, nowMs),
  ],
};
