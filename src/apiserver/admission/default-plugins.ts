/** The plugins that are on (upstream's, and what --enable-admission-plugins adds), in upstream's order (pkg/kubeapiserver/options/plugins.go). */
import type { Expressions } from "#api/expressions.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { EscalationGuard } from "#apiserver/authz/escalation.ts";
import { HookIdentities } from "#apiserver/connect/hook-identities.ts";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import type { HookClient } from "#apiserver/connect/hook-client.ts";
import type { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";
import type { PodSecurityMetrics } from "#apiserver/metrics/pod-security-metrics.ts";
import type { AdmissionPlugin } from "./admission.ts";
import type { PluginSettings } from "./configuration/plugin-settings.ts";
import type { LookupDeps } from "./lookup.ts";
import {
  defaultSelection,
  enabledPlugins,
  pluginNames,
  type PluginName,
  type PluginSelection,
} from "./plugin-selection.ts";
import { AlwaysAdmit, AlwaysDeny } from "./plugins/always.ts";
import { AlwaysPullImages } from "./plugins/always-pull-images.ts";
import { LimitPodHardAntiAffinityTopology } from "./plugins/anti-affinity-topology.ts";
import {
  CertificateApproval,
  CertificateSigning,
  CertificateSubjectRestriction,
} from "./plugins/certificate-signers.ts";
import { DefaultIngressClass, DefaultStorageClass } from "./plugins/default-classes.ts";
import { DefaultTolerationSeconds, type DefaultTolerations } from "./plugins/default-toleration-seconds.ts";
import { DenyServiceExternalIPs } from "./plugins/deny-service-external-ips.ts";
import { DefinitionExpressions } from "./plugins/definition-expressions.ts";
import { EventRateLimit } from "./plugins/event-rate-limit.ts";
import { ExtendedResourceToleration } from "./plugins/extended-resource-toleration.ts";
import { ImagePolicyWebhook } from "./plugins/image-policy-webhook.ts";
import { PodNodeSelector } from "./plugins/pod-node-selector.ts";
import { PodTolerationRestriction } from "./plugins/pod-toleration-restriction.ts";
import { LimitRanger } from "./plugins/limit-ranger.ts";
import { NamespaceLifecycle } from "./plugins/namespace-lifecycle.ts";
import { NamespaceAutoProvision, NamespaceExists } from "./plugins/namespace-presence.ts";
import { NodeRestriction } from "./plugins/node-restriction.ts";
import { OwnerReferencesPermissionEnforcement } from "./plugins/owner-references.ts";
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
import { ParamRights } from "./policies/param-rights.ts";
import { ValidatingPolicies } from "./policies/validating.ts";
import { ClusterTrustBundleAttest } from "./plugins/trust-bundle-attest.ts";
import { TaintNodesByCondition } from "./plugins/taint-nodes-by-condition.ts";
import type { HookCallerDeps } from "./webhooks/call.ts";
import type { ReviewReader } from "./webhooks/review.ts";
import { WebhookExpressions } from "./webhooks/expressions.ts";
import { MatchConditions } from "./webhooks/match-conditions.ts";
import { MutatingWebhooks } from "./webhooks/mutating.ts";
import type { ObjectTypes } from "./webhooks/object-types.ts";
import { ValidatingWebhooks } from "./webhooks/validating.ts";

export interface DefaultPluginsDeps extends LookupDeps {
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
  readonly podSecurity?: PodSecurityMetrics | undefined;
  readonly random: Random;
  readonly authorizer: Authorizer;
  readonly guard: EscalationGuard;
  readonly log: Logger;
  readonly hookClient: HookClient;
  readonly reviews: ReviewReader;
  readonly certificateFaults?: CertificateFaults | undefined;
  readonly types: ObjectTypes;
  readonly loadExpressions: () => Promise<Expressions>;
  readonly tolerations?: DefaultTolerations | undefined;
  /** Of --admission-control-config-file. */
  readonly settings: PluginSettings;
  /** Absent: they aren't served. */
  readonly mutatingPolicies?: MutatingPolicyRefs | undefined;
}

/** Made before the informer factory is started; what they look up they find before it has synced, too. */
export function defaultPlugins(
  deps: DefaultPluginsDeps,
  selection: PluginSelection = defaultSelection,
): AdmissionPlugin[] {
  const conditions = new MatchConditions(deps);
  const makers: Makers<PluginName> = {
    ...podMakers(deps),
    ...otherMakers(deps),
    ...outsideMakers(deps, conditions),
  };
  const enabled = enabledPlugins(selection);
  const made = (names: readonly PluginName[]): AdmissionPlugin[] =>
    names.filter((name) => enabled.has(name)).flatMap((name) => makers[name]());
  const outside = pluginNames.indexOf("MutatingAdmissionPolicy");
  const validating = pluginNames.indexOf("ValidatingAdmissionPolicy");
  return [
    ...made(pluginNames.slice(0, outside)),
    new WebhookExpressions(conditions),
    new PolicyExpressions(deps),
    new ParamRights(deps),
    ...made(pluginNames.slice(outside, validating)),
    new RbacEscalation(deps),
    new DefinitionExpressions(deps),
    ...made(pluginNames.slice(validating)),
  ];
}

type Makers<Names extends PluginName> = Readonly<Record<Names, () => AdmissionPlugin | AdmissionPlugin[]>>;

const podMakers = (deps: DefaultPluginsDeps) =>
  ({
    AlwaysAdmit: () => new AlwaysAdmit(),
    NamespaceAutoProvision: () => new NamespaceAutoProvision(deps),
    NamespaceLifecycle: () => new NamespaceLifecycle(deps),
    NamespaceExists: () => new NamespaceExists(deps),
    LimitPodHardAntiAffinityTopology: () => new LimitPodHardAntiAffinityTopology(),
    LimitRanger: () => new LimitRanger(deps),
    ServiceAccount: () => new ServiceAccountPlugin(deps),
    NodeRestriction: () => new NodeRestriction(deps),
    TaintNodesByCondition: () => new TaintNodesByCondition(),
    AlwaysPullImages: () => new AlwaysPullImages(),
    ImagePolicyWebhook: () => imagePolicy(deps),
    PodNodeSelector: () => new PodNodeSelector(deps.settings.PodNodeSelector ?? {}, deps),
    PodTolerationRestriction: () =>
      new PodTolerationRestriction(deps.settings.PodTolerationRestriction ?? {}, deps),
    PodSecurity: () => new PodSecurity(deps, deps.settings.PodSecurity, deps.podSecurity),
    Priority: () => new Priority(deps),
    DefaultTolerationSeconds: () => new DefaultTolerationSeconds(deps.tolerations),
    EventRateLimit: () => new EventRateLimit(deps.settings.EventRateLimit ?? [], deps),
    ExtendedResourceToleration: () => new ExtendedResourceToleration(),
    PodTopologyLabels: () => new PodTopologyLabels(deps),
    RuntimeClass: () => new RuntimeClassPlugin(deps),
  }) satisfies Partial<Makers<PluginName>>;

/** It needs to be told whom to ask: options.ts sees to that. */
const imagePolicy = (deps: DefaultPluginsDeps): AdmissionPlugin[] => {
  const { ImagePolicyWebhook: settings } = deps.settings;
  return settings === undefined ? [] : [new ImagePolicyWebhook(settings, deps)];
};

const otherMakers = (deps: DefaultPluginsDeps) =>
  ({
    DefaultStorageClass: () => new DefaultStorageClass(deps),
    StorageObjectInUseProtection: () => new StorageObjectInUseProtection(),
    OwnerReferencesPermissionEnforcement: () => new OwnerReferencesPermissionEnforcement(deps),
    PersistentVolumeClaimResize: () => new PersistentVolumeClaimResize(deps),
    CertificateApproval: () => new CertificateApproval(deps),
    CertificateSigning: () => new CertificateSigning(deps),
    ClusterTrustBundleAttest: () => new ClusterTrustBundleAttest(deps),
    CertificateSubjectRestriction: () => new CertificateSubjectRestriction(),
    DefaultIngressClass: () => new DefaultIngressClass(deps),
    DenyServiceExternalIPs: () => new DenyServiceExternalIPs(),
    ResourceQuota: () =>
      new ResourceQuotaPlugin(deps, { limitedResources: deps.settings.ResourceQuota ?? [] }),
    AlwaysDeny: () => new AlwaysDeny(),
  }) satisfies Partial<Makers<PluginName>>;

/** Those that ask what users have put into the cluster. */
function outsideMakers(deps: DefaultPluginsDeps, conditions: MatchConditions) {
  const { hookClient, reviews, log, clock, metrics, random, types, mutatingPolicies } = deps;
  const hooks: HookCallerDeps = { client: hookClient, reviews, clock, metrics, random, log };
  const webhooks = { lookup: deps, hooks, types, conditions };
  const asked = (name: "MutatingAdmissionWebhook" | "ValidatingAdmissionWebhook"): typeof webhooks => {
    const file = deps.settings[name]?.kubeConfigFile;
    if (file === undefined) return webhooks;
    return { ...webhooks, hooks: { ...hooks, identities: new HookIdentities(file, clock) } };
  };
  return {
    MutatingAdmissionPolicy: () =>
      mutatingPolicies === undefined ? [] : [new MutatingPolicies(mutatingPolicies, deps)],
    MutatingAdmissionWebhook: () => new MutatingWebhooks(asked("MutatingAdmissionWebhook")),
    ValidatingAdmissionPolicy: () => new ValidatingPolicies(deps),
    ValidatingAdmissionWebhook: () => new ValidatingWebhooks(asked("ValidatingAdmissionWebhook")),
  } satisfies Partial<Makers<PluginName>>;
}
