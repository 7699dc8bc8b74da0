/**
 * What a Service keeps over an update that doesn't say it, and what goes with its type.
 * upstream: pkg/registry/core/service/storage/storage.go, pkg/registry/core/service/strategy.go
 */
import type { Service, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { isSame } from "../../strategy.ts";
import {
  hasAddresses,
  isBalancer,
  isReachedFromOutside,
  mayHaveNodePorts,
  needsHealthPort,
  needsNodePorts,
  nodePortsOf,
} from "./service-fields.ts";

/** A client that leaves out what was allocated keeps it. upstream: patchAllocatedValues */
export function keepAllocated(spec: ServiceSpec, before: ServiceSpec): void {
  if (hasAddresses(spec) && hasAddresses(before)) {
    if ((spec.clusterIP ?? "") === "" && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if (isEmpty(spec.clusterIPs) && before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePorts(spec) && needsNodePorts(before)) keepNodePorts(spec, before);
  if (needsHealthPort(spec) && needsHealthPort(before) && (spec.healthCheckNodePort ?? 0) === 0) {
    if (before.healthCheckNodePort !== undefined) spec.healthCheckNodePort = before.healthCheckNodePort;
  }
}

/**
 * Old clients know the first address only, and who knows both fields has to say both. Whether what they say may be is
 * for validation. upstream: normalizeClusterIPs
 */
export function normalizeAddresses(spec: ServiceSpec, before: ServiceSpec | undefined): void {
  const single = spec.clusterIP ?? "";
  if (before === undefined) {
    if (single !== "" && isEmpty(spec.clusterIPs)) spec.clusterIPs = [single];
    return;
  }
  const was = before.clusterIP ?? "";
  if (single === was) {
    if (isEmpty(spec.clusterIPs) && before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
  } else if (isSame(spec.clusterIPs, before.clusterIPs)) {
    if (single === "") delete spec.clusterIPs;
    else spec.clusterIPs = [single];
  }
}

/** A port is known by its name, whatever else of it changes. */
function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  const used = nodePortsOf(spec);
  const known = new Map((before.ports ?? []).map(({ name = "", nodePort }) => [name, nodePort] as const));
  for (const port of spec.ports ?? []) {
    if ((port.nodePort ?? 0) !== 0) continue;
    const kept = known.get(port.name ?? "");
    if (kept !== undefined && !used.has(kept)) port.nodePort = kept;
  }
}

/**
 * Fields that meant something for what the Service was, and mean nothing for what it becomes, go with it, unless the
 * client has just set them: then validation has its say. upstream: dropTypeDependentFields
 */
export function dropForeign(service: Service, before: ServiceSpec): void {
  const { spec = {} } = service;
  const isNoLonger = (is: (spec: ServiceSpec) => boolean): boolean => is(before) && !is(spec);
  if (isNoLonger(hasAddresses)) dropAddresses(spec, before);
  // Ports may come, change and go with the type, as long as no node port is asked for that wasn't there.
  if (isNoLonger(mayHaveNodePorts) && nodePortsOf(before).isSupersetOf(nodePortsOf(spec))) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (isNoLonger(needsHealthPort)) dropIfSame(spec, before, "healthCheckNodePort");
  if (isNoLonger(isBalancer)) {
    dropIfSame(spec, before, "allocateLoadBalancerNodePorts");
    dropIfSame(spec, before, "loadBalancerClass");
  }
  if (isNoLonger(isReachedFromOutside)) dropIfSame(spec, before, "externalTrafficPolicy");
  if (!isBalancer(spec)) dropBalancer(service);
}

/** The balancer will be gone soon, and nobody needs to know when. */
function dropBalancer(service: Service): void {
  const { status } = service;
  if (status?.loadBalancer?.ingress !== undefined) service.status = { ...status, loadBalancer: {} };
}

function dropAddresses(spec: ServiceSpec, before: ServiceSpec): void {
  if (isSame(spec.clusterIPs, before.clusterIPs)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (isSame(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
  if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
}

function dropIfSame(
  spec: ServiceSpec,
  before: ServiceSpec,
  field:
    | "healthCheckNodePort"
    | "allocateLoadBalancerNodePorts"
    | "loadBalancerClass"
    | "externalTrafficPolicy",
): void {
  if (spec[field] === before[field]) delete spec[field];
}

const isEmpty = (list: readonly string[] | undefined): boolean => (list ?? []).length === 0;
