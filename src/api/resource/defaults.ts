/** Defaults of dynamic resource allocation. upstream: pkg/apis/resource/v1/defaults.go */
import type {
  DeviceSubRequest,
  DeviceRequest,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from "../generated/types/resource-v1.ts";
import type {
  DeviceRequest as DeviceRequestV1Beta1,
  ResourceClaim as ResourceClaimV1Beta1,
  ResourceClaimSpec as ResourceClaimSpecV1Beta1,
  ResourceClaimTemplate as ResourceClaimTemplateV1Beta1,
} from "../generated/types/resource-v1beta1.ts";
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

/** There a request of one device is written out in place. upstream: pkg/apis/resource/v1beta1/defaults.go */
function defaultV1Beta1Request(request: Loose<DeviceRequestV1Beta1>): void {
  const { firstAvailable = [] } = request;
  if (firstAvailable.length === 0) defaultAsk(request);
  else firstAvailable.forEach(defaultAsk);
}

const defaultV1Beta1Claim = (spec: Loose<ResourceClaimSpecV1Beta1> | undefined): void =>
  spec?.devices?.requests?.forEach(defaultV1Beta1Request);

export const resourceV1Beta1Defaults: DefaultsByKind = {
  ResourceClaim: ({ spec }: Loose<ResourceClaimV1Beta1>) => defaultV1Beta1Claim(spec),
  ResourceClaimTemplate: ({ spec }: Loose<ResourceClaimTemplateV1Beta1>) => defaultV1Beta1Claim(spec?.spec),
};
