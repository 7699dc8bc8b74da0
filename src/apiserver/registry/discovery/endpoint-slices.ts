/**
 * What the older versions kept in a field of its own may stay in endpoints that stay as they are, and can't be written.
 * upstream: pkg/registry/discovery/endpointslice/strategy.go (dropTopologyOnV1)
 */
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { dnsSubdomainFaults } from "#api/meta/names.ts";
import type { Adjustments } from "../adjusting.ts";
import { isSame } from "../strategy.ts";

const hostname = "kubernetes.io/hostname";

function dropTopology(object: AnyObject, old: AnyObject | undefined): void {
  const slice = object as Loose<EndpointSlice>;
  const before = (old as Loose<EndpointSlice> | undefined)?.endpoints ?? [];
  if (slice.endpoints?.some(({ deprecatedTopology }) => deprecatedTopology !== undefined) !== true) return;
  if (old !== undefined && isSame(slice.endpoints, before)) return;
  const nodes = new Set(before.map(({ deprecatedTopology }) => deprecatedTopology?.[hostname]));
  slice.endpoints = slice.endpoints.map(({ deprecatedTopology, ...endpoint }) => {
    const node = deprecatedTopology?.[hostname] ?? "";
    const isKnown = nodes.has(node) && node !== "" && dnsSubdomainFaults(node).length === 0;
    return endpoint.nodeName === undefined && isKnown ? { ...endpoint, nodeName: node } : endpoint;
  });
}

export const sliceAdjustments: Adjustments = {
  create: (slice) => {
    dropTopology(slice, undefined);
  },
  update: dropTopology,
};
