/** Defaults of webhooks and admission policies. upstream: pkg/apis/admissionregistration/v1/defaults.go */
import type {
  MatchResources,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "../generated/types/admissionregistration-v1.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from "../generated/types/admissionregistration-v1beta1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

const timeoutSeconds = 10;
const servicePort = 443;

function defaultRules(rules: readonly Loose<RuleWithOperations>[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= "*";
}

function defaultWebhook(webhook: Loose<ValidatingWebhook>): void {
  webhook.failurePolicy ??= "Fail";
  webhook.matchPolicy ??= "Equivalent";
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= timeoutSeconds;
  if (webhook.clientConfig?.service !== undefined) webhook.clientConfig.service.port ??= servicePort;
  defaultRules(webhook.rules);
}

function defaultMutatingWebhook(webhook: Loose<MutatingWebhook>): void {
  defaultWebhook(webhook);
  webhook.reinvocationPolicy ??= "Never";
}

function defaultMatch(match: Loose<MatchResources> | undefined): void {
  if (match === undefined) return;
  match.matchPolicy ??= "Equivalent";
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

function defaultPolicy(policy: Loose<MutatingAdmissionPolicy | ValidatingAdmissionPolicy>): void {
  const spec = (policy.spec ??= {});
  spec.failurePolicy ??= "Fail";
  defaultMatch(spec.matchConstraints);
}

const defaultBinding = ({
  spec,
}: Loose<MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding>): void => {
  defaultMatch(spec?.matchResources);
};

/** Of v1beta1. */
export const earlyAdmissionregistrationDefaults: DefaultsByKind = {
  MutatingAdmissionPolicy: defaultPolicy,
  MutatingAdmissionPolicyBinding: defaultBinding,
};

/** Of v1alpha1, where it needn't be said what becomes of a binding without parameters. */
export const firstAdmissionregistrationDefaults: DefaultsByKind = {
  ...earlyAdmissionregistrationDefaults,
  MutatingAdmissionPolicyBinding: (binding: Loose<MutatingAdmissionPolicyBinding>) => {
    defaultBinding(binding);
    const ref = binding.spec?.paramRef;
    if (ref !== undefined) ref.parameterNotFoundAction ??= "Deny";
  },
};

export const admissionregistrationDefaults: DefaultsByKind = {
  MutatingWebhookConfiguration: ({ webhooks }: Loose<MutatingWebhookConfiguration>) =>
    webhooks?.forEach(defaultMutatingWebhook),
  ValidatingAdmissionPolicy: defaultPolicy,
  ValidatingAdmissionPolicyBinding: defaultBinding,
  ValidatingWebhookConfiguration: ({ webhooks }: Loose<ValidatingWebhookConfiguration>) =>
    webhooks?.forEach(defaultWebhook),
};
