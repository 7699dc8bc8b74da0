/** Defaults of the networking group. upstream: pkg/apis/networking/v1/defaults.go */
import type { IngressClass, NetworkPolicy, NetworkPolicyPort } from "../generated/types/networking-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

function defaultPorts({ ports }: { readonly ports?: Loose<NetworkPolicyPort>[] | undefined }): void {
  for (const port of ports ?? []) port.protocol ??= "TCP";
}

function defaultNetworkPolicy(policy: Loose<NetworkPolicy>): void {
  const spec = (policy.spec ??= {});
  spec.ingress?.forEach(defaultPorts);
  spec.egress?.forEach(defaultPorts);
  if ((spec.policyTypes ?? []).length > 0) return;
  spec.policyTypes = (spec.egress ?? []).length === 0 ? ["Ingress"] : ["Ingress", "Egress"];
}

export const networkingDefaults: DefaultsByKind = {
  IngressClass: ({ spec }: Loose<IngressClass>) => {
    if (spec?.parameters !== undefined) spec.parameters.scope ??= "Cluster";
  },
  NetworkPolicy: defaultNetworkPolicy,
};
