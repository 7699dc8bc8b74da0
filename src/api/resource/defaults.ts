/** Defaults of dynamic resource allocation. upstream: pkg/apis/resource/v1/defaults.go */
import type {
  DeviceSubRequest,
  DeviceRequest,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from "../generated/types/resource-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

function defaultAsk(ask: Loose<Omit<DeviceSubRequest, "name">> | undefined): void {
  if (ask === undefined) return;
  ask.allocationMode ||= "ExactCount";
  if (ask.allocationMode === "ExactCount") ask.count ||= 1;
  for (const toleration of ask.tolerations ?? []) toleration.operator ||= "Equal";
}

function defaultRequest({ exactly, firstAvailable }: Loose<DeviceRequest>): void {
  defaultAsk(exactly);
  firstAvailable?.forEach(defaultAsk);
}

const defaultClaim = (spec: Loose<ResourceClaimSpec> | undefined): void =>
  spec?.devices?.requests?.forEach(defaultRequest);

export const resourceDefaults: DefaultsByKind = {
  ResourceClaim: ({ spec }: Loose<ResourceClaim>) => defaultClaim(spec),
  ResourceClaimTemplate: ({ spec }: Loose<ResourceClaimTemplate>) => defaultClaim(spec?.spec),
};
