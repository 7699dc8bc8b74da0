/** The plugins that are on, in upstream's order (pkg/kubeapiserver/options/plugins.go). */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { EscalationGuard } from "#apiserver/authz/escalation.ts";
import type { AdmissionPlugin } from "./admission.ts";
import type { LookupDeps } from "./lookup.ts";
import {
  CertificateApproval,
  CertificateSigning,
  CertificateSubjectRestriction,
} from "./plugins/certificate-signers.ts";
import { DefaultTolerationSeconds } from "./plugins/default-toleration-seconds.ts";
import { NamespaceLifecycle } from "./plugins/namespace-lifecycle.ts";
import { NodeRestriction } from "./plugins/node-restriction.ts";
import { Priority } from "./plugins/priority.ts";
import { RbacEscalation } from "./plugins/rbac-escalation.ts";
import { ServiceAccountPlugin } from "./plugins/service-account.ts";
import { TaintNodesByCondition } from "./plugins/taint-nodes-by-condition.ts";

export interface DefaultPluginsDeps extends LookupDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly authorizer: Authorizer;
  readonly guard: EscalationGuard;
}

/** Made before the informer factory is started; what they look up they find before it has synced, too. */
export function defaultPlugins(deps: DefaultPluginsDeps): AdmissionPlugin[] {
  return [
    new NamespaceLifecycle(deps),
    new ServiceAccountPlugin(deps),
    new NodeRestriction(deps),
    new TaintNodesByCondition(),
    new Priority(deps),
    new DefaultTolerationSeconds(),
    new CertificateApproval(deps),
    new CertificateSigning(deps),
    new CertificateSubjectRestriction(),
    new RbacEscalation(deps),
  ];
}
