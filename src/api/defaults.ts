/**
 * Defaulting: what a client left out and the API server fills in, after decoding and before admission.
 * Every group's own file says what for its kinds; kinds without defaults appear nowhere.
 */
import {
  admissionregistrationDefaults,
  earlyAdmissionregistrationDefaults,
  firstAdmissionregistrationDefaults,
} from "./admissionregistration/defaults.ts";
import { apiextensionsDefaults } from "./apiextensions/defaults.ts";
import { appsDefaults } from "./apps/defaults.ts";
import { autoscalingV1Defaults, autoscalingV2Defaults } from "./autoscaling/defaults.ts";
import { batchDefaults } from "./batch/defaults.ts";
import { coreDefaults } from "./core/defaults.ts";
import { discoveryDefaults } from "./discovery/defaults.ts";
import { typesOf } from "./early-versions.ts";
import { flowcontrolDefaults } from "./flowcontrol/defaults.ts";
import type { APIService } from "./generated/types/apiregistration-v1.ts";
import type { PodCertificateRequest } from "./generated/types/certificates-v1beta1.ts";
import type { TokenRequest } from "./generated/types/authentication-v1.ts";
import type { RuntimeClass } from "./generated/types/node-v1.ts";
import type { PriorityClass } from "./generated/types/scheduling-v1.ts";
import { roundResources } from "./core/resource-list.ts";
import type { DefaultsByKind, Loose } from "./meta/loose.ts";
import { apiVersionOf, type GroupVersionKind, type KubeObject } from "./meta/object.ts";
import { networkingDefaults } from "./networking/defaults.ts";
import { rbacDefaults } from "./rbac/defaults.ts";
import { resourceDefaults, resourceV1Beta1Defaults } from "./resource/defaults.ts";
import { storageDefaults } from "./storage/defaults.ts";

const byApiVersion: Readonly<Record<string, DefaultsByKind>> = {
  v1: coreDefaults,
  "admissionregistration.k8s.io/v1": admissionregistrationDefaults,
  "admissionregistration.k8s.io/v1alpha1": firstAdmissionregistrationDefaults,
  "admissionregistration.k8s.io/v1beta1": earlyAdmissionregistrationDefaults,
  "apiextensions.k8s.io/v1": apiextensionsDefaults,
  "apiregistration.k8s.io/v1": {
    APIService: ({ spec }: Loose<APIService>) => {
      if (spec?.service !== undefined) spec.service.port ??= 443;
    },
  },
  "apps/v1": appsDefaults,
  "authentication.k8s.io/v1": {
    TokenRequest: (request: Loose<TokenRequest>) => {
      const spec = (request.spec ??= {});
      spec.expirationSeconds ??= 3600;
    },
  },
  "autoscaling/v1": autoscalingV1Defaults,
  "autoscaling/v2": autoscalingV2Defaults,
  "batch/v1": batchDefaults,
  "certificates.k8s.io/v1beta1": {
    PodCertificateRequest: (request: Loose<PodCertificateRequest>) => {
      const spec = (request.spec ??= {});
      spec.maxExpirationSeconds ??= 86_400;
    },
  },
  "discovery.k8s.io/v1": discoveryDefaults,
  "flowcontrol.apiserver.k8s.io/v1": flowcontrolDefaults,
  "networking.k8s.io/v1": networkingDefaults,
  "node.k8s.io/v1": {
    RuntimeClass: ({ overhead }: Loose<RuntimeClass>) => roundResources(overhead?.podFixed),
  },
  "rbac.authorization.k8s.io/v1": rbacDefaults,
  "resource.k8s.io/v1": resourceDefaults,
  "resource.k8s.io/v1beta1": resourceV1Beta1Defaults,
  "scheduling.k8s.io/v1": {
    PriorityClass: (priority: Loose<PriorityClass>) => {
      priority.preemptionPolicy ??= "PreemptLowerPriority";
    },
  },
  "storage.k8s.io/v1": storageDefaults,
};

/** Changes `object`, which must be of the types that its kind has; anything in it may be missing. Idempotent. */
export function applyDefaults(gvk: GroupVersionKind, object: KubeObject): void {
  const version = apiVersionOf(gvk);
  (byApiVersion[version] ?? byApiVersion[typesOf(version)])?.[gvk.kind]?.(object as never);
}
