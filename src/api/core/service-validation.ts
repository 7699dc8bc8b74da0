/** Services and Endpoints. upstream: pkg/apis/core/validation/validation.go (ValidateService) */
import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  Service,
  ServicePort,
  ServiceSpec,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, checkLabels, checkPort } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import {
  cidrFaults,
  dnsSubdomainFaults,
  ipFaults,
  portNumberFaults,
  qualifiedNameFaults,
} from "../meta/names.ts";
import { protocols } from "./container-validation.ts";

type Spec = Loose<ServiceSpec>;
type Ports = readonly Loose<ServicePort>[];

const affinitySecondsMax = 86_400;

const isHeadless = ({ clusterIPs, clusterIP }: Spec): boolean =>
  (clusterIPs?.length === 1 && clusterIPs[0] === "None") ||
  ((clusterIPs ?? []).length === 0 && clusterIP === "None");

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

/** upstream: ValidateNonSpecialIP */
export function checkOrdinaryIp(ip: string, path: string, faults: FaultList): void {
  if (ip === "0.0.0.0" || ip === "::") faults.invalid(path, ip, `may not be unspecified (${ip})`);
  if (isLoopback(ip)) {
    faults.invalid(path, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  }
  if (ip.startsWith("169.254.") || /^fe[89ab]/i.test(ip)) {
    faults.invalid(path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (ip.startsWith("224.0.0.") || /^ff02:/i.test(ip)) {
    faults.invalid(path, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

function checkServicePort(
  port: Loose<ServicePort>,
  { isNameNeeded, names }: { readonly isNameNeeded: boolean; readonly names: Set<string> },
  path: string,
  faults: FaultList,
): void {
  const { name = "", port: number = 0, protocol, targetPort, appProtocol } = port;
  if (name !== "") {
    checkDnsLabel(name, `${path}.name`, faults);
    if (names.has(name)) faults.duplicate(`${path}.name`, name);
    names.add(name);
  } else if (isNameNeeded) faults.required(`${path}.name`);
  faults.messages(`${path}.port`, number, portNumberFaults(number));
  faults.oneOf(`${path}.protocol`, protocol, protocols);
  checkPort(targetPort, `${path}.targetPort`, faults);
  if (appProtocol !== undefined) {
    faults.messages(`${path}.appProtocol`, appProtocol, qualifiedNameFaults(appProtocol));
  }
}

function checkType(spec: Spec, faults: FaultList): void {
  switch (spec.type) {
    case "LoadBalancer":
    case "NodePort":
      checkNotHeadless(spec, faults);
      break;
    case "ExternalName":
      checkExternalName(spec, faults);
      break;
    case undefined:
    default:
  }
}

function checkNotHeadless(spec: Spec, faults: FaultList): void {
  if (isHeadless(spec)) {
    faults.invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type ?? ""} services`);
  }
}

function checkExternalName(spec: Spec, faults: FaultList): void {
  for (const field of ["clusterIPs", "ipFamilies"] as const) {
    if ((spec[field] ?? []).length > 0) {
      faults.forbidden(`spec.${field}`, "may not be set for ExternalName services");
    }
  }
  if (spec.ipFamilyPolicy !== undefined) {
    faults.forbidden("spec.ipFamilyPolicy", "may not be set for ExternalName services");
  }
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (name === "") faults.required("spec.externalName");
  else faults.messages("spec.externalName", name, dnsSubdomainFaults(name));
}

function checkPorts(spec: Spec, faults: FaultList): void {
  const ports: Ports = spec.ports ?? [];
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    checkServicePort(port, { isNameNeeded: ports.length > 1, names }, `spec.ports[${index}]`, faults);
  }
}

function checkPortPairs(spec: Spec, faults: FaultList): void {
  const ports: Ports = spec.ports ?? [];
  const nodePorts = new Set<string>();
  const pairs = new Set<string>();
  for (const [index, { port = 0, nodePort = 0, protocol = "" }] of ports.entries()) {
    const path = `spec.ports[${index}]`;
    if (nodePort !== 0) {
      if (spec.type === "ClusterIP") {
        faults.forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'");
      }
      const key = `${protocol}/${nodePort}`;
      if (nodePorts.has(key)) faults.duplicate(`${path}.nodePort`, nodePort);
      nodePorts.add(key);
    }
    const pair = `${protocol}/${port}`;
    if (pairs.has(pair)) faults.duplicate(path, { protocol, port });
    pairs.add(pair);
  }
}

function checkAffinity(spec: Spec, faults: FaultList): void {
  const { sessionAffinity, sessionAffinityConfig } = spec;
  faults.oneOf("spec.sessionAffinity", sessionAffinity, ["ClientIP", "None"]);
  const path = "spec.sessionAffinityConfig";
  if (sessionAffinity === "None" && sessionAffinityConfig !== undefined) {
    faults.forbidden(path, "must not be set when session affinity is None");
  }
  if (sessionAffinity !== "ClientIP") return;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinityConfig === undefined) {
    faults.required(path, "when session affinity type is ClientIP");
  } else if (seconds === undefined) {
    faults.required(`${path}.clientIP`, "when session affinity type is ClientIP");
  } else if (seconds <= 0 || seconds > affinitySecondsMax) {
    faults.invalid(
      `${path}.clientIP.timeoutSeconds`,
      seconds,
      `must be greater than 0 and less than ${affinitySecondsMax}`,
    );
  }
}

function checkFamilies(spec: Spec, faults: FaultList): void {
  const seen = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const path = `spec.ipFamilies[${index}]`;
    if (family !== "IPv4" && family !== "IPv6") faults.notSupported(path, family, ["IPv4", "IPv6"]);
    else if (seen.has(family)) faults.duplicate(path, family);
    seen.add(family);
  }
  faults.optionalOneOf("spec.ipFamilyPolicy", spec.ipFamilyPolicy, [
    "PreferDualStack",
    "RequireDualStack",
    "SingleStack",
  ]);
}

/** upstream: ValidateServiceClusterIPsRelatedFields */
function checkClusterIps(spec: Spec, faults: FaultList): void {
  if (spec.type === "ExternalName") return;
  const ips = spec.clusterIPs ?? [];
  const path = "spec.clusterIPs";
  if (ips.length === 0) {
    if (spec.clusterIP !== undefined && spec.clusterIP !== "" && spec.clusterIP !== "None") {
      faults.messages("spec.clusterIP", spec.clusterIP, ipFaults(spec.clusterIP));
    }
  } else if ((spec.clusterIP ?? "") !== ips[0]) {
    faults.invalid(path, ips, "first value must match `clusterIP`");
  }
  checkFamilies(spec, faults);
  if (ips.length > 2) faults.invalid(path, ips, "may only hold up to 2 values");
  for (const [index, ip] of ips.entries()) {
    if (index === 0 && ip === "None") {
      if (ips.length > 1) faults.invalid(path, ips, "'None' must be the first and only value");
    } else faults.messages(`${path}[${index}]`, ip, ipFaults(ip));
  }
}

const isReachedFromOutside = ({ type, externalIPs = [] }: Spec): boolean =>
  type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && externalIPs.length > 0);

const needsHealthCheck = ({ type, externalTrafficPolicy }: Spec): boolean =>
  type === "LoadBalancer" && externalTrafficPolicy === "Local";

function checkExternalTraffic(spec: Spec, faults: FaultList): void {
  const path = "spec.externalTrafficPolicy";
  const policy = spec.externalTrafficPolicy ?? "";
  if (isReachedFromOutside(spec)) faults.oneOf(path, policy, ["Cluster", "Local"]);
  else if (policy !== "") {
    faults.invalid(path, policy, "may only be set for externally-accessible services");
  }
  const health = spec.healthCheckNodePort ?? 0;
  const healthPath = "spec.healthCheckNodePort";
  if (needsHealthCheck(spec)) {
    if (health === 0) faults.required(healthPath);
    else faults.messages(healthPath, health, portNumberFaults(health));
  } else if (health !== 0) {
    faults.invalid(
      healthPath,
      health,
      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    );
  }
}

function checkInternalTraffic(spec: Spec, faults: FaultList): void {
  const policy = spec.internalTrafficPolicy;
  if (policy === undefined) {
    if (spec.type !== "ExternalName") faults.required("spec.internalTrafficPolicy");
  } else faults.optionalOneOf("spec.internalTrafficPolicy", policy, ["Cluster", "Local"]);
  faults.optionalOneOf("spec.trafficDistribution", spec.trafficDistribution, [
    "PreferClose",
    "PreferSameNode",
    "PreferSameZone",
  ]);
}

function checkBalancer(spec: Spec, faults: FaultList): void {
  const isBalanced = spec.type === "LoadBalancer";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0 && !isBalanced) {
    faults.forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'");
  }
  for (const [index, range] of ranges.entries()) {
    faults.messages(`spec.LoadBalancerSourceRanges[${index}]`, range, cidrFaults(range.trim()));
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalanced) {
    faults.forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'");
  }
  if (spec.allocateLoadBalancerNodePorts === undefined && isBalanced) {
    faults.required("allocateLoadBalancerNodePorts");
  }
  const { loadBalancerClass } = spec;
  if (loadBalancerClass === undefined) return;
  const path = "spec.loadBalancerClass";
  if (!isBalanced) faults.forbidden(path, "may only be used when `type` is 'LoadBalancer'");
  else faults.messages(path, loadBalancerClass, qualifiedNameFaults(loadBalancerClass));
}

/** upstream: ValidateService, its parts in its order. Metadata is looked at elsewhere. */
export function checkService(service: Loose<Service>, faults: FaultList): void {
  const spec = service.spec ?? {};
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== "ExternalName") {
    faults.required("spec.ports");
  }
  checkType(spec, faults);
  checkPorts(spec, faults);
  checkLabels(spec.selector, "spec.selector", faults);
  checkAffinity(spec, faults);
  checkClusterIps(spec, faults);
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const messages = ipFaults(ip);
    faults.messages(`spec.externalIPs[${index}]`, ip, messages);
    if (messages.length === 0) checkOrdinaryIp(ip, `spec.externalIPs[${index}]`, faults);
  }
  faults.oneOf("spec.type", spec.type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
  checkPortPairs(spec, faults);
  checkBalancer(spec, faults);
  checkExternalTraffic(spec, faults);
  checkInternalTraffic(spec, faults);
}

/** upstream: upgradeDowngradeClusterIPs */
function checkClusterIpsUpdate(spec: Spec, old: Spec, faults: FaultList): void {
  if (spec.type === "ExternalName" || old.type === "ExternalName") return;
  if (isHeadless(spec) && isHeadless(old)) return;
  const now = spec.clusterIPs ?? [];
  const before = old.clusterIPs ?? [];
  if (before.length > 0 && now.length === 0) {
    faults.invalid("spec.clusterIPs[0]", now, "primary clusterIP can not be unset");
    return;
  }
  for (const [index, ip] of before.entries()) {
    const replaced = now[index] !== undefined && now[index] !== ip;
    if (replaced) faults.invalid(`spec.clusterIPs[${index}]`, now, "may not change once set");
  }
}

export function checkServiceUpdate(service: Loose<Service>, old: Loose<Service>, faults: FaultList): void {
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  checkClusterIpsUpdate(spec, before, faults);
  const wasBalanced = before.type === "LoadBalancer" && spec.type === "LoadBalancer";
  if (wasBalanced && before.loadBalancerClass !== spec.loadBalancerClass) {
    faults.invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set");
  }
  const checked = needsHealthCheck(before) && needsHealthCheck(spec);
  if (checked && before.healthCheckNodePort !== spec.healthCheckNodePort) {
    faults.forbidden("spec.healthCheckNodePort", "field is immutable");
  }
  checkService(service, faults);
}

function checkAddress(address: Loose<EndpointAddress>, path: string, faults: FaultList): void {
  const { ip = "", hostname = "", nodeName } = address;
  const messages = ipFaults(ip);
  faults.messages(`${path}.ip`, ip, messages);
  if (hostname !== "") checkDnsLabel(hostname, `${path}.hostname`, faults);
  if (nodeName !== undefined) faults.messages(`${path}.nodeName`, nodeName, dnsSubdomainFaults(nodeName));
  if (messages.length === 0) checkOrdinaryIp(ip, `${path}.ip`, faults);
}

function checkEndpointPort(
  port: Loose<EndpointPort>,
  needsName: boolean,
  path: string,
  faults: FaultList,
): void {
  const { name = "", port: number = 0, protocol, appProtocol } = port;
  if (name !== "") checkDnsLabel(name, `${path}.name`, faults);
  else if (needsName) faults.required(`${path}.name`);
  faults.messages(`${path}.port`, number, portNumberFaults(number));
  faults.oneOf(`${path}.protocol`, protocol, protocols);
  if (appProtocol !== undefined) {
    faults.messages(`${path}.appProtocol`, appProtocol, qualifiedNameFaults(appProtocol));
  }
}

/** upstream: ValidateEndpoints */
export function checkEndpoints({ subsets = [] }: Loose<Endpoints>, faults: FaultList): void {
  for (const [index, { addresses = [], notReadyAddresses = [], ports = [] }] of subsets.entries()) {
    const path = `subsets[${index}]`;
    if (addresses.length + notReadyAddresses.length === 0) {
      faults.required(path, "must specify `addresses` or `notReadyAddresses`");
    }
    for (const [position, address] of addresses.entries()) {
      checkAddress(address, `${path}.addresses[${position}]`, faults);
    }
    for (const [position, address] of notReadyAddresses.entries()) {
      checkAddress(address, `${path}.notReadyAddresses[${position}]`, faults);
    }
    for (const [position, port] of ports.entries()) {
      checkEndpointPort(port, ports.length > 1, `${path}.ports[${position}]`, faults);
    }
  }
}
