/** Webhook configurations. upstream: pkg/apis/admissionregistration/validation/validation.go, apiserver/pkg/util/webhook/validation.go */
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  WebhookClientConfig,
} from "../generated/types/admissionregistration-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelSelector, isSame } from "../meta/field-rules.ts";
import type { KindValidation, ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults, dnsSubdomainFaults } from "../meta/names.ts";
import { checkWebhookService, checkWebhookUrl } from "../meta/webhook-rules.ts";
import { mutatingPolicyValidations, validatingPolicyValidations } from "./policy-validation.ts";
import { checkMatchConditions, checkRuleWithOperations } from "./rule-validation.ts";

type Webhook = Loose<MutatingWebhook>;
type Configuration = Loose<MutatingWebhookConfiguration>;

const failurePolicies = ["Fail", "Ignore"];
const matchPolicies = ["Equivalent", "Exact"];
const reinvocationPolicies = ["IfNeeded", "Never"];
const noSideEffects = ["None", "NoneOnDryRun"];
const sideEffects = ["None", "NoneOnDryRun", "Some", "Unknown"];
const reviewVersions = ["v1", "v1beta1"];

/** What was allowed once may stay so: only what an old object keeps to is asked of the new one. */
interface Demands {
  readonly sideEffects: readonly string[];
  readonly knownReviewVersion: boolean;
  readonly uniqueNames: boolean;
  readonly goodConditions: boolean;
}

const allDemands: Demands = {
  sideEffects: noSideEffects,
  knownReviewVersion: true,
  uniqueNames: true,
  goodConditions: true,
};

/** Whether no webhook has others than the one in its place had. */
export function hasSameConditions(
  { webhooks = [] }: Configuration,
  { webhooks: old = [] }: Configuration,
): boolean {
  const conditionsOf = (all: typeof webhooks): unknown =>
    all.map(({ matchConditions = [] }) => matchConditions);
  return isSame(conditionsOf(webhooks), conditionsOf(old));
}

function demandsKeptBy({ webhooks = [] }: Configuration): Omit<Demands, "goodConditions"> {
  const names = webhooks.map(({ name }) => name);
  return {
    sideEffects: webhooks.every((webhook) => noSideEffects.includes(webhook.sideEffects ?? ""))
      ? noSideEffects
      : sideEffects,
    knownReviewVersion: webhooks.every(
      ({ admissionReviewVersions: versions = [] }) =>
        versions.length === 0 || versions.some((version) => reviewVersions.includes(version)),
    ),
    uniqueNames: new Set(names).size === names.length,
  };
}

function checkConfiguration({ webhooks = [] }: Configuration, demands: Demands, faults: FaultList): void {
  const names = new Set<string>();
  for (const [index, webhook] of webhooks.entries()) {
    const at = `webhooks[${index}]`;
    const { name = "" } = webhook;
    checkWebhook(webhook, at, demands, faults);
    checkReviewVersions(
      webhook.admissionReviewVersions ?? [],
      `${at}.admissionReviewVersions`,
      demands,
      faults,
    );
    if (demands.uniqueNames && name !== "") {
      if (names.has(name)) faults.duplicate(`${at}.name`, name);
      names.add(name);
    }
  }
}

function checkWebhook(webhook: Webhook, at: string, demands: Demands, faults: FaultList): void {
  checkFullName(webhook.name ?? "", `${at}.name`, faults);
  for (const [index, rule] of (webhook.rules ?? []).entries()) {
    checkRuleWithOperations(rule, `${at}.rules[${index}]`, faults);
  }
  faults.optionalOneOf(`${at}.failurePolicy`, webhook.failurePolicy, failurePolicies);
  faults.optionalOneOf(`${at}.matchPolicy`, webhook.matchPolicy, matchPolicies);
  checkSideEffects(webhook.sideEffects, `${at}.sideEffects`, demands, faults);
  const { timeoutSeconds, namespaceSelector, objectSelector } = webhook;
  if (timeoutSeconds !== undefined && (timeoutSeconds > 30 || timeoutSeconds < 1)) {
    faults.invalid(
      `${at}.timeoutSeconds`,
      timeoutSeconds,
      "the timeout value must be between 1 and 30 seconds",
    );
  }
  checkLabelSelector(namespaceSelector, `${at}.namespaceSelector`, faults);
  checkLabelSelector(objectSelector, `${at}.objectSelector`, faults);
  faults.optionalOneOf(`${at}.reinvocationPolicy`, webhook.reinvocationPolicy, reinvocationPolicies);
  checkClientConfig(webhook.clientConfig ?? {}, `${at}.clientConfig`, faults);
  if (!demands.goodConditions) return;
  checkMatchConditions(webhook.matchConditions ?? [], `${at}.matchConditions`, faults);
}

/** upstream: apimachinery/pkg/util/validation IsFullyQualifiedName */
function checkFullName(name: string, path: string, faults: FaultList): void {
  if (name === "") {
    faults.required(path);
    return;
  }
  const wrong = dnsSubdomainFaults(name);
  if (wrong.length > 0) faults.invalid(path, name, wrong.join(","));
  else if (name.split(".").length < 3) {
    faults.invalid(path, name, "should be a domain with at least three segments separated by dots");
  }
}

function checkSideEffects(
  value: string | undefined,
  path: string,
  { sideEffects: allowed }: Demands,
  faults: FaultList,
): void {
  if (value === undefined) {
    faults.required(path, `must specify one of ${allowed.join(", ")}`);
  } else if (!allowed.includes(value)) faults.notSupported(path, value, allowed);
}

function checkReviewVersions(
  versions: readonly string[],
  path: string,
  { knownReviewVersion }: Demands,
  faults: FaultList,
): void {
  const all = reviewVersions.join(", ");
  if (versions.length === 0) {
    faults.required(path, `must specify one of ${all}`);
    return;
  }
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    const at = `${path}[${index}]`;
    if (seen.has(version)) faults.invalid(at, version, "duplicate version");
    else faults.messages(at, version, dns1035LabelFaults(version));
    seen.add(version);
  }
  if (knownReviewVersion && !versions.some((version) => reviewVersions.includes(version))) {
    faults.invalid(path, versions, `must include at least one of ${all}`);
  }
}

function checkClientConfig(
  { url, service }: Loose<WebhookClientConfig>,
  at: string,
  faults: FaultList,
): void {
  if ((url === undefined) === (service === undefined)) {
    faults.required(at, "exactly one of url or service is required");
  } else if (url !== undefined) checkWebhookUrl(url, `${at}.url`, faults);
  else if (service !== undefined) checkWebhookService(service, `${at}.service`, faults);
}

const webhookConfiguration: KindValidation = {
  plainFinalizers: true,
  steps: ["metadata", "change"],
  onCreate: (configuration: Configuration, faults: FaultList): void => {
    checkConfiguration(configuration, allDemands, faults);
  },
  onUpdate: (configuration: Configuration, old: Configuration, faults: FaultList): void => {
    const goodConditions = !hasSameConditions(configuration, old);
    checkConfiguration(configuration, { ...demandsKeptBy(old), goodConditions }, faults);
  },
};

export const admissionregistrationValidations: ValidationsByKind = {
  MutatingWebhookConfiguration: webhookConfiguration,
  ValidatingWebhookConfiguration: webhookConfiguration,
  ...validatingPolicyValidations,
};

/** Of v1beta1. */
export const earlyAdmissionregistrationValidations: ValidationsByKind = mutatingPolicyValidations;
