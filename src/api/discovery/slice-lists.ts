/** The lists of an EndpointSlice as they come over the network, where Go writes null for a list that is empty. */
import type { Endpoint, EndpointPort } from "../generated/types/discovery-v1.ts";

export const endpointsIn = (slice: { readonly endpoints: readonly Endpoint[] | null }): readonly Endpoint[] =>
  slice.endpoints ?? [];

export const portsIn = (slice: {
  readonly ports?: readonly EndpointPort[] | null | undefined;
}): readonly EndpointPort[] => slice.ports ?? [];
