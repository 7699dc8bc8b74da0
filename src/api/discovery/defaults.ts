/** Defaults of EndpointSlices. upstream: pkg/apis/discovery/v1/defaults.go */
import type { EndpointSlice } from "../generated/types/discovery-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

export const discoveryDefaults: DefaultsByKind = {
  EndpointSlice: ({ ports }: Loose<EndpointSlice>) => {
    for (const port of ports ?? []) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
  },
};
