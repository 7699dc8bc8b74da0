/** Where a load balancer is reached. upstream: pkg/apis/core/validation/validation.go (ValidateLoadBalancerStatus) */
import type { LoadBalancerIngress, Service } from "../generated/types/core-v1.ts";
import { legacyIpFaults, parseAddress } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";

function checkMode({ ip = "", ipMode }: Loose<LoadBalancerIngress>, path: string, faults: FaultList): void {
  if (ipMode === undefined) {
    if (ip !== "") faults.required(path, "must be specified when `ip` is set");
  } else if (ip === "") faults.forbidden(path, "may not be specified when `ip` is not set");
  else faults.optionalOneOf(path, ipMode, ["Proxy", "VIP"]);
}

/** One address that stands there already may stay as it is. */
export function checkServiceStatusUpdate(
  { spec, status }: Loose<Service>,
  old: Loose<Service>,
  faults: FaultList,
): void {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const path = "status.loadBalancer.ingress";
  if (spec?.type !== "LoadBalancer" && ingress.length > 0) {
    faults.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  const before = new Set(old.status?.loadBalancer?.ingress?.map(({ ip }) => ip));
  for (const [index, one] of ingress.entries()) {
    const at = `${path}[${index}]`;
    const { ip = "", hostname = "" } = one;
    if (!before.has(ip)) checkBalancerIp(ip, `${at}.ip`, faults);
    checkMode(one, `${at}.ipMode`, faults);
    checkBalancerHostname(hostname, `${at}.hostname`, faults);
  }
}

export function checkBalancerIp(ip: string, path: string, faults: FaultList): void {
  if (ip !== "") faults.messages(path, ip, legacyIpFaults(ip));
}

export function checkBalancerHostname(hostname: string, path: string, faults: FaultList): void {
  if (hostname === "") return;
  faults.messages(path, hostname, dnsSubdomainFaults(hostname));
  if (parseAddress(hostname) !== undefined) {
    faults.invalid(path, hostname, "must be a DNS name, not an IP address");
  }
}
