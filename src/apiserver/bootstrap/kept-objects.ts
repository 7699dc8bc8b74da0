/** Which objects a server makes at its start and keeps as they should be. Waits are upstream's. */
import {
  configMaps,
  endpoints,
  endpointSlices,
  flowSchemas,
  namespaces,
  priorityLevelConfigurations,
  serviceCidrs,
  services,
} from "#api/resources.ts";
import { ensureFlowObjects } from "#apiserver/flowcontrol/default-objects.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { ensureSystemNamespaces } from "./bootstrap.ts";
import { clusterAuthenticationName } from "./cluster-authentication.ts";
import { systemNamespaces } from "./system-objects.ts";
import { reconcileTokenTracking, tokenTrackingName } from "./token-tracking.ts";
import type { Kept } from "./upkeep.ts";

export interface KeptObjectsDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly clusterAuthentication: (signal: AbortSignal) => Promise<void>;
  /** Makes the Service `kubernetes` and what belongs to it. */
  readonly publish: () => Promise<void>;
}

const named = (name: string): { fieldSelector: string } => ({ fieldSelector: `metadata.name=${name}` });

export function keptObjects({ client, clock, clusterAuthentication, publish }: KeptObjectsDeps): Kept[] {
  const system = { namespace: "kube-system" };
  const service = { namespace: "default", ...named("kubernetes") };
  const ofService = { namespace: "default", labelSelector: "kubernetes.io/service-name=kubernetes" };
  return [
    {
      what: "system namespaces",
      watched: systemNamespaces().map(({ metadata }) => ({
        ref: namespaces,
        query: named(metadata?.name ?? ""),
      })),
      waitMs: 60_000,
      make: (signal) => ensureSystemNamespaces(client, signal),
    },
    {
      what: "default flow schemas and priority levels",
      watched: [
        { ref: flowSchemas, query: {} },
        { ref: priorityLevelConfigurations, query: {} },
      ],
      waitMs: 60_000,
      make: (signal) => ensureFlowObjects(client, signal),
    },
    {
      what: "the Service kubernetes and its endpoints",
      watched: [
        { ref: serviceCidrs, query: named("kubernetes") },
        { ref: services, query: service },
        { ref: endpoints, query: service },
        { ref: endpointSlices, query: ofService },
        // One that has lost its label.
        { ref: endpointSlices, query: service },
      ],
      waitMs: 10_000,
      make: publish,
    },
    {
      what: "whom extension servers may trust",
      watched: [{ ref: configMaps, query: { ...system, ...named(clusterAuthenticationName) } }],
      waitMs: 1000,
      make: clusterAuthentication,
    },
    {
      what: "since when uses of tokens are noted",
      watched: [{ ref: configMaps, query: { ...system, ...named(tokenTrackingName) } }],
      waitMs: 1000,
      make: (signal) => reconcileTokenTracking(client, clock, signal),
    },
  ];
}
