/**
 * Makes this node's DNS reachable at the cluster's DNS address: the Service kube-dns leads, on every node, to the
 * slice that the node itself publishes.
 */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { isAlreadyExists, isNotFound, isStatus } from "#api/meta/status.ts";
import { endpointSlices, nodes, services } from "#api/resources.ts";
import type { Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";

const namespace = "kube-system";
export const serviceName = "kube-dns";
const managedBy = "dns.mini-k8s";

export interface Publication {
  readonly nodeName: string;
  readonly clusterDns: string;
  readonly address: string;
  readonly port: number;
}

export async function publish(
  what: Publication,
  { client, log }: { readonly client: Client; readonly log: Logger },
): Promise<void> {
  await ensureService(what, { client, log });
  const node = await client.resource(nodes).get(what.nodeName);
  const wanted = sliceOf(what, node.metadata?.uid ?? "");
  const resource = client.resource(endpointSlices, namespace);
  const name = wanted.metadata?.name ?? "";
  try {
    const found = await resource.get(name);
    if (JSON.stringify([found.endpoints, found.ports]) === JSON.stringify([wanted.endpoints, wanted.ports])) {
      return;
    }
    await resource.update({ ...wanted, metadata: { ...found.metadata, ...wanted.metadata } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await resource.create(wanted);
  }
  log.info("cluster DNS published", { address: what.address, port: what.port, service: what.clusterDns });
}

/** An agent may not make Services: its server does. */
async function ensureService(
  { clusterDns }: Publication,
  { client, log }: { readonly client: Client; readonly log: Logger },
): Promise<void> {
  const resource = client.resource(services, namespace);
  try {
    await resource.get(serviceName);
    return;
  } catch (error) {
    if (!isNotFound(error)) {
      log.debug("Service kube-dns not readable", { error });
      return;
    }
  }
  try {
    await resource.create(serviceOf(clusterDns));
  } catch (error) {
    if (!isAlreadyExists(error) && !isStatus(error, "Forbidden")) throw error;
  }
}

function serviceOf(clusterDns: string): Service {
  const port = { port: 53, targetPort: 53 };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: serviceName,
      namespace,
      labels: {
        "k8s-app": "kube-dns",
        "kubernetes.io/cluster-service": "true",
        "kubernetes.io/name": "CoreDNS",
      },
    },
    spec: {
      clusterIP: clusterDns,
      clusterIPs: [clusterDns],
      internalTrafficPolicy: "Local",
      ports: [
        { name: "dns", protocol: "UDP", ...port },
        { name: "dns-tcp", protocol: "TCP", ...port },
      ],
    },
  };
}

function sliceOf({ nodeName, address, port }: Publication, nodeUid: string): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${serviceName}-${nodeName}`,
      namespace,
      labels: {
        "kubernetes.io/service-name": serviceName,
        "endpointslice.kubernetes.io/managed-by": managedBy,
      },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeUid }],
    },
    addressType: "IPv4",
    endpoints: [
      { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, nodeName },
    ],
    ports: [
      { name: "dns", protocol: "UDP", port },
      { name: "dns-tcp", protocol: "TCP", port },
    ],
  };
}
