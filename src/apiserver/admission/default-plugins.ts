/** The plugins that are on, in upstream's order (pkg/kubeapiserver/options/plugins.go). */
import type { Expressions } from "#api/expressions.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { EscalationGuard } from "#apiserver/authz/escalation.ts";
import type { HookClient } from "#apiserver/connect/hook-client.ts";
import type { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";
import type { AdmissionPlugin } from "./admission.ts";
import type { LookupDeps } from "./lookup.ts";
import {
  CertificateApproval,
  CertificateSigning,
  CertificateSubjectRestriction,
} from "./plugins/certificate-signers.ts";
import { DefaultIngressClass, DefaultStorageClass } from "./plugins/default-classes.ts";
import { DefaultTolerationSeconds } from "./plugins/default-toleration-seconds.ts";
import { DefinitionExpressions } from "./plugins/definition-expressions.ts";
import { LimitRanger } from "./plugins/limit-ranger.ts";
import { NamespaceLifecycle } from "./plugins/namespace-lifecycle.ts";
import { NodeRestriction } from "./plugins/node-restriction.ts";
import { PersistentVolumeClaimResize } from "./plugins/persistent-volume-claim-resize.ts";
import { PodSecurity } from "./plugins/pod-security.ts";
import { PodTopologyLabels } from "./plugins/pod-topology-labels.ts";
import { Priority } from "./plugins/priority.ts";
import { RbacEscalation } from "./plugins/rbac-escalation.ts";
import { RuntimeClassPlugin } from "./plugins/runtime-class.ts";
import { ResourceQuotaPlugin } from "./plugins/resource-quota.ts";
import { ServiceAccountPlugin } from "./plugins/service-account.ts";
import { StorageObjectInUseProtection } from "./plugins/storage-object-in-use-protection.ts";
import { PolicyExpressions } from "./policies/expression-check.ts";
import { MutatingPolicies } from "./policies/mutating.ts";
import type { MutatingPolicyRefs } from "./policies/mutating-refs.ts";
import { ValidatingPolicies } from "./policies/validating.ts";
import { TaintNodesByCondition } from "./plugins/taint-nodes-by-condition.ts";
import { WebhookExpressions } from "./webhooks/expressions.ts";
import { MatchConditions } from "./webhooks/match-conditions.ts";
import { MutatingWebhooks } from "./webhooks/mutating.ts";
import type { ObjectTypes } from "./webhooks/object-types.ts";
import { ValidatingWebhooks } from "./webhooks/validating.ts";

export interface DefaultPluginsDeps extends LookupDeps {
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
  readonly random: Random;
  readonly authorizer: Authorizer;
  readonly guard: EscalationGuard;
  readonly log: Logger;
  readonly hookClient: HookClient;
  readonly types: ObjectTypes;
  readonly loadExpressions: () => Promise<Expressions>;
  /** Absent: they aren't served. */
  readonly mutatingPolicies?: MutatingPolicyRefs | undefined;
}

/** Made before the informer factory is started; what they look up they find before it has synced, too. */
export function defaultPlugins(deps: DefaultPluginsDeps): AdmissionPlugin[] {
  const { hookClient, log, clock, metrics, random, types, mutatingPolicies } = deps;
  const conditions = new MatchConditions(deps);
  const hooks = { client: hookClient, clock, metrics, random, log };
  const webhooks = { lookup: deps, hooks, types, conditions };
  return [
    new NamespaceLifecycle(deps),
    new LimitRanger(deps),
    new ServiceAccountPlugin(deps),
    new NodeRestriction(deps),
    new TaintNodesByCondition(),
    new PodSecurity(deps),
    new Priority(deps),
    new DefaultTolerationSeconds(),
    new DefaultStorageClass(deps),
    new StorageObjectInUseProtection(),
    new PersistentVolumeClaimResize(deps),
    new RuntimeClassPlugin(deps),
    new CertificateApproval(deps),
    new CertificateSigning(deps),
    new CertificateSubjectRestriction(),
    new DefaultIngressClass(deps),
    new PodTopologyLabels(deps),
    new RbacEscalation(deps),
    new WebhookExpressions(conditions),
    new PolicyExpressions(deps),
    ...(mutatingPolicies === undefined ? [] : [new MutatingPolicies(mutatingPolicies, deps)]),
    new MutatingWebhooks(webhooks),
    new DefinitionExpressions(deps),
    new ValidatingPolicies(deps),
    new ValidatingWebhooks(webhooks),
    new ResourceQuotaPlugin(deps),
  ];
}
