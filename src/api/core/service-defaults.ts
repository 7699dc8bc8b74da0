/** Defaults of Services; addresses and ports are given by the registry. upstream: SetDefaults_Service */
import type { Service, ServicePort, ServiceSpec } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";

/** Three hours. */
const affinitySeconds = 10_800;

function defaultAffinity(spec: Loose<ServiceSpec>): void {
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (
    spec.sessionAffinity === "ClientIP" &&
    spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  ) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: affinitySeconds } };
  }
}

function defaultPort(port: Loose<ServicePort>): void {
  port.protocol ||= "TCP";
  port.targetPort ||= port.port;
}

function isReachedFromOutside({ type, externalIPs }: Loose<ServiceSpec>): boolean {
  if (type === "LoadBalancer" || type === "NodePort") return true;
  return type === "ClusterIP" && (externalIPs ?? []).length > 0;
}

export function defaultService(service: Loose<Service>): void {
  const spec = (service.spec ??= {});
  defaultAffinity(spec);
  spec.type ||= "ClusterIP";
  spec.ports?.forEach(defaultPort);
  if (isReachedFromOutside(spec)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") defaultBalancer(service, spec);
}

function defaultBalancer(service: Loose<Service>, spec: Loose<ServiceSpec>): void {
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip !== undefined && ingress.ip !== "") ingress.ipMode ??= "VIP";
  }
}
