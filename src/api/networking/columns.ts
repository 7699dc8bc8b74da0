/** The networking group in tables. upstream: pkg/printers/internalversion/printers.go */
import { balancerAddresses } from "../core/service-columns.ts";
import type {
  Ingress,
  IngressClass,
  IPAddress,
  IPAddressSpec,
  NetworkPolicy,
  ServiceCIDR,
} from "../generated/types/networking-v1.ts";
import { formatSelector } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedResource } from "../meta/object.ts";
import { ageOf, columns, nameOf, type Cell, type PrintersByKind } from "../meta/printer.ts";

const hostsMax = 3;

/** Counts rules, not hosts, as upstream does. */
function hostsText({ spec }: Loose<Ingress>): string {
  const rules = spec?.rules ?? [];
  const hosts: string[] = [];
  let hasMore = false;
  for (const { host = "" } of rules) {
    if (hosts.length === hostsMax) hasMore = true;
    else if (host !== "") hosts.push(host);
  }
  if (hosts.length === 0) return "*";
  return hasMore ? `${hosts.join(",")} + ${rules.length - hostsMax} more...` : hosts.join(",");
}

function ingressCells(ingress: Loose<Ingress>, nowMs: number): readonly Cell[] {
  const { spec, status } = ingress;
  return [
    nameOf(ingress),
    spec?.ingressClassName ?? "<none>",
    hostsText(ingress),
    balancerAddresses(status?.loadBalancer).join(","),
    (spec?.tls ?? []).length > 0 ? "80, 443" : "80",
    ageOf(ingress, nowMs),
  ];
}

function parametersText({ spec }: Loose<IngressClass>): string {
  const parameters = spec?.parameters;
  if (parameters === undefined) return "<none>";
  const group = parameters.apiGroup === undefined ? "" : `.${parameters.apiGroup}`;
  return `${parameters.kind ?? ""}${group}/${parameters.name ?? ""}`;
}

function parentText(parent: Loose<IPAddressSpec["parentRef"]> | undefined): string {
  if (parent === undefined) return "<none>";
  const resource = qualifiedResource(parent.group ?? "", parent.resource ?? "").toLowerCase();
  return [resource, parent.namespace ?? "", parent.name ?? ""].filter((part) => part !== "").join("/");
}

export const networkingPrinters: PrintersByKind = {
  IPAddress: {
    columns: columns("Name~|ParentRef"),
    cells: (address: Loose<IPAddress>) => [nameOf(address), parentText(address.spec?.parentRef)],
  },
  Ingress: { columns: columns("Name~|Class|Hosts|Address|Ports|Age"), cells: ingressCells },
  IngressClass: {
    columns: columns("Name~|Controller|Parameters|Age"),
    cells: (object: Loose<IngressClass>, nowMs: number) => [
      nameOf(object),
      object.spec?.controller ?? "",
      parametersText(object),
      ageOf(object, nowMs),
    ],
  },
  NetworkPolicy: {
    columns: columns("Name~|Pod-Selector|Age"),
    cells: (policy: Loose<NetworkPolicy>, nowMs: number) => [
      nameOf(policy),
      formatSelector(policy.spec?.podSelector ?? {}),
      ageOf(policy, nowMs),
    ],
  },
  ServiceCIDR: {
    columns: columns("Name~|CIDRs|Age"),
    cells: (object: Loose<ServiceCIDR>, nowMs: number) => [
      nameOf(object),
      (object.spec?.cidrs ?? []).join(","),
      ageOf(object, nowMs),
    ],
  },
};
