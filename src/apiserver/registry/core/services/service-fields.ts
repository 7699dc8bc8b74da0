/** What a Service's type and policies make of it. upstream: pkg/registry/core/service/storage/storage.go */
import type { Service, ServiceSpec } from "#api/generated/types/core-v1.ts";

export const hasAddresses = ({ type }: ServiceSpec): boolean => type !== "ExternalName";

export const isHeadless = ({ clusterIPs = [] }: ServiceSpec): boolean => clusterIPs[0] === "None";

export const isBalancer = ({ type }: ServiceSpec): boolean => type === "LoadBalancer";

/** Its balancer asks nodes whether they have pods of it. */
export const needsHealthPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === "LoadBalancer" && externalTrafficPolicy === "Local";

export const mayHaveNodePorts = ({ type }: ServiceSpec): boolean =>
  type === "NodePort" || type === "LoadBalancer";

/** Where not, those that a client asks for are taken all the same. */
export const needsNodePorts = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
  type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);

export const isReachedFromOutside = ({ type, externalIPs = [] }: ServiceSpec): boolean =>
  type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && externalIPs.length > 0);

export const addressesOf = ({ spec }: Service): readonly string[] =>
  (spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP])).filter(
    (address) => address !== "None" && address !== "",
  );

/** Without the one that health is asked at. */
export const nodePortsOf = ({ ports = [] }: ServiceSpec): ReadonlySet<number> =>
  new Set(ports.map(({ nodePort }) => nodePort ?? 0).filter((nodePort) => nodePort !== 0));

export const portsOf = ({ spec = {} }: Service): readonly number[] => [
  ...nodePortsOf(spec),
  ...((spec.healthCheckNodePort ?? 0) === 0 ? [] : [spec.healthCheckNodePort as number]),
];
