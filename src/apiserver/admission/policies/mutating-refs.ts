/** Under which version mutating policies are served, if they are: --runtime-config says. */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from "#api/generated/types/admissionregistration-v1beta1.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Scheme } from "#api/scheme.ts";

export interface MutatingPolicyRefs {
  readonly policies: ResourceRef<MutatingAdmissionPolicy>;
  readonly bindings: ResourceRef<MutatingAdmissionPolicyBinding>;
}

const group = "admissionregistration.k8s.io";

/** Undefined unless both are served. */
export function mutatingPolicyRefs(scheme: Scheme): MutatingPolicyRefs | undefined {
  const find = (resource: string): ReturnType<Scheme["resource"]> =>
    scheme.resource(group, "v1beta1", resource) ?? scheme.resource(group, "v1alpha1", resource);
  const policies = find("mutatingadmissionpolicies");
  const bindings = find("mutatingadmissionpolicybindings");
  return policies === undefined || bindings === undefined ? undefined : { policies, bindings };
}
