/** Services. upstream: pkg/apis/core/validation/validation.go (ValidateService) */
import type { Service, ServicePort, ServiceSpec } from "../generated/types/core-v1.ts";
import {
  addressFamilies,
  isFour,
  legacyCidrFaults,
  legacyIpFaults,
  parseAddress,
} from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, checkLabels, checkPort } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, portNumberFaults, qualifiedNameFaults } from "../meta/names.ts";
import { protocols } from "./container-validation.ts";
import { checkFamilyChanges, isHeadless } from "./service-family-rules.ts";
import { checkEndpointIp } from "./endpoints-validation.ts";

type Spec = Loose<ServiceSpec>;
type Ports = readonly Loose<ServicePort>[];

const affinitySecondsMax = 86_400;

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
  if (spec.type === "ClusterIP") {
    for (const [index, { nodePort = 0 }] of ports.entries()) {
      if (nodePort === 0) continue;
      faults.forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'");
    }
  }
  const nodePorts = new Set<string>();
  for (const [index, { nodePort = 0, protocol = "" }] of ports.entries()) {
    if (nodePort === 0) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) faults.duplicate(`spec.ports[${index}].nodePort`, nodePort);
    nodePorts.add(key);
  }
  const pairs = new Set<string>();
  for (const [index, { port = 0, protocol = "" }] of ports.entries()) {
    const pair = `${protocol}/${port}`;
    if (pairs.has(pair)) faults.duplicate(`spec.ports[${index}]`, asUpstreamKey(protocol, port));
    pairs.add(pair);
  }
}

/** What upstream takes for the key of a port, and shows. */
const asUpstreamKey = (protocol: string, port: number): object => ({
  Name: "",
  Protocol: protocol,
  AppProtocol: null,
  Port: port,
  TargetPort: 0,
  NodePort: 0,
});

function checkAffinity(spec: Spec, faults: FaultList): void {
  const { sessionAffinity, sessionAffinityConfig } = spec;
  faults.oneOf("spec.sessionAffinity", sessionAffinity, ["ClientIP", "None"]);
  const path = "spec.sessionAffinityConfig";
  if (sessionAffinity === "None" && sessionAffinityConfig !== undefined) {
    faults.forbidden(path, "must not be set when session affinity is None");
  }
  if (sessionAffinity !== "ClientIP") return;
  const clientIp = sessionAffinityConfig?.clientIP;
  const seconds = clientIp?.timeoutSeconds;
  if (sessionAffinityConfig === undefined) {
    faults.required(path, "when session affinity type is ClientIP");
  } else if (clientIp === undefined) {
    faults.required(`${path}.clientIP`, "when session affinity type is ClientIP");
  } else if (seconds === undefined) {
    faults.required(`${path}.clientIP.timeoutSeconds`, "when session affinity type is ClientIP");
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
    if (seen.has(family)) faults.duplicate(path, family);
    seen.add(family);
  }
  faults.optionalOneOf("spec.ipFamilyPolicy", spec.ipFamilyPolicy, [
    "PreferDualStack",
    "RequireDualStack",
    "SingleStack",
  ]);
}

function isOfSix(ip: string): boolean {
  const address = parseAddress(ip);
  return address !== undefined && !isFour(address);
}

/** upstream: ValidateServiceClusterIPsRelatedFields */
export function checkClusterIps(spec: Spec, old: Spec, faults: FaultList): void {
  if (spec.type === "ExternalName") return;
  const ips = spec.clusterIPs ?? [];
  const path = "spec.clusterIPs";
  checkFirstIp(spec.clusterIP ?? "", ips, path, faults);
  checkFamilies(spec, faults);
  const before = faults.count;
  const known = new Set(old.clusterIPs);
  for (const [index, ip] of ips.entries()) {
    if (index === 0 && ip === "None") {
      if (ips.length > 1) faults.invalid(path, ips, "'None' must be the first and only value");
    } else if (!known.has(ip)) {
      faults.messages(`${path}[${index}]`, ip, legacyIpFaults(ip));
    }
  }
  const areReadable = faults.count === before;
  if (ips.length > 2) faults.invalid(path, ips, "may only hold up to 2 values");
  if (areReadable) checkFamiliesOfIps(spec, ips, faults);
}

function checkFirstIp(first: string, ips: readonly string[], path: string, faults: FaultList): void {
  if (first === "") {
    if (ips.length > 0) faults.invalid(path, ips, "must be empty when `clusterIP` is not specified");
  } else if (ips.length === 0) faults.required(path);
  else if (first !== ips[0]) faults.invalid(path, ips, "first value must match `clusterIP`");
}

function checkFamiliesOfIps(spec: Spec, ips: readonly string[], faults: FaultList): void {
  const path = "spec.clusterIPs";
  const found = ips.length > 1 ? addressFamilies(ips) : 1;
  // Only what was stored by an older version can't be read here.
  if (typeof found === "string") {
    faults.internal(path, `failed to check for dual stack with error:${found}`);
  }
  if (ips.length > 1 && found !== 2) {
    faults.invalid(path, ips, "may specify no more than one IP for each IP family");
  }
  if (isHeadless(spec)) return;
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const ip = ips[index];
    if (ip === undefined || (family !== "IPv4" && family !== "IPv6")) continue;
    if (isOfSix(ip) === (family === "IPv6")) continue;
    const detail = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
    faults.invalid(`${path}[${index}]`, ip, detail);
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
    const isNeeded = ["ClusterIP", "LoadBalancer", "NodePort"].includes(spec.type ?? "");
    if (isNeeded) faults.required("spec.internalTrafficPolicy");
  } else faults.optionalOneOf("spec.internalTrafficPolicy", policy, ["Cluster", "Local"]);
  faults.optionalOneOf("spec.trafficDistribution", spec.trafficDistribution, [
    "PreferClose",
    "PreferSameZone",
    "PreferSameNode",
  ]);
}

const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";

/** What stood there before may stay. */
function checkSourceRanges(service: Loose<Service>, old: Loose<Service>, faults: FaultList): void {
  if ((service.spec?.loadBalancerSourceRanges ?? []).length > 0) {
    checkRangesOfSpec(service.spec ?? {}, old.spec ?? {}, faults);
  } else checkRangesAnnotation(service, old, faults);
}

function checkRangesAnnotation(service: Loose<Service>, old: Loose<Service>, faults: FaultList): void {
  const annotation = service.metadata?.annotations?.[rangesAnnotation];
  if (annotation === undefined) return;
  const path = `metadata.annotations[${rangesAnnotation}]`;
  if (service.spec?.type !== "LoadBalancer") faults.forbidden(path, onlyBalanced);
  if (annotation.trim() === "" || annotation === old.metadata?.annotations?.[rangesAnnotation]) return;
  for (const range of annotation.split(",").map((text) => text.trim())) {
    faults.messages(path, range, legacyCidrFaults(range));
  }
}

function checkRangesOfSpec(
  { type, loadBalancerSourceRanges: ranges = [] }: Spec,
  old: Spec,
  faults: FaultList,
): void {
  // Upstream begins this name with a capital.
  const path = "spec.LoadBalancerSourceRanges";
  if (type !== "LoadBalancer") faults.forbidden(path, onlyBalanced);
  const before = new Set(old.loadBalancerSourceRanges?.map((range) => range.trim()));
  for (const [index, range] of ranges.map((text) => text.trim()).entries()) {
    if (!before.has(range)) faults.messages(`${path}[${index}]`, range, legacyCidrFaults(range));
  }
}

function checkBalancer(spec: Spec, faults: FaultList): void {
  const isBalanced = spec.type === "LoadBalancer";
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalanced) {
    faults.forbidden("spec.allocateLoadBalancerNodePorts", onlyBalanced);
  }
  if (spec.allocateLoadBalancerNodePorts === undefined && isBalanced) {
    faults.required("allocateLoadBalancerNodePorts");
  }
  checkBalancerClass(spec, faults);
}

function checkBalancerClass({ type, loadBalancerClass }: Spec, faults: FaultList): void {
  if (loadBalancerClass === undefined) return;
  const path = "spec.loadBalancerClass";
  if (type !== "LoadBalancer") faults.forbidden(path, onlyBalanced);
  else faults.messages(path, loadBalancerClass, qualifiedNameFaults(loadBalancerClass));
}

const topologyHints = "service.kubernetes.io/topology-aware-hints";
const topologyMode = "service.kubernetes.io/topology-mode";

function checkTopologyMode({ metadata }: Loose<Service>, faults: FaultList): void {
  const { [topologyMode]: mode, [topologyHints]: hints } = metadata?.annotations ?? {};
  if (mode === undefined || hints === undefined || mode === hints) return;
  const detail = `must match annotations[${topologyHints}] when both are specified`;
  faults.invalid(`metadata.annotations[${topologyMode}]`, mode, detail);
}

/** upstream: validateService, its parts in its order. Metadata is looked at elsewhere. */
/** What was there before may stay in forms that new ones must not have. */
export function checkService(service: Loose<Service>, faults: FaultList, old: Loose<Service> = {}): void {
  const spec = service.spec ?? {};
  checkTopologyMode(service, faults);
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== "ExternalName") {
    faults.required("spec.ports");
  }
  checkType(spec, faults);
  checkPorts(spec, faults);
  checkLabels(spec.selector, "spec.selector", faults);
  checkAffinity(spec, faults);
  checkClusterIps(spec, old.spec ?? {}, faults);
  const knownIps = new Set(old.spec?.externalIPs);
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const path = `spec.externalIPs[${index}]`;
    const messages = knownIps.has(ip) ? [] : legacyIpFaults(ip);
    faults.messages(path, ip, messages);
    if (messages.length === 0) checkEndpointIp(ip, path, faults);
  }
  faults.oneOf("spec.type", spec.type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
  checkPortPairs(spec, faults);
  checkSourceRanges(service, old, faults);
  checkBalancer(spec, faults);
  checkExternalTraffic(spec, faults);
  checkInternalTraffic(spec, faults);
}

/** What an update of a service may change. upstream: ValidateServiceUpdate */
export function checkServiceUpdate(service: Loose<Service>, old: Loose<Service>, faults: FaultList): void {
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  checkFamilyChanges(spec, before, faults);
  if (before.type === "LoadBalancer" && spec.type === "LoadBalancer") {
    if (before.loadBalancerClass !== spec.loadBalancerClass) {
      faults.invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set");
    }
  }
  checkBalancerClass(spec, faults);
  const checked = needsHealthCheck(before) && needsHealthCheck(spec);
  if (checked && before.healthCheckNodePort !== spec.healthCheckNodePort) {
    faults.forbidden("spec.healthCheckNodePort", "field is immutable");
  }
}
