/**
 * Webhooks with conditions that can't be understood are refused. Upstream does so in validation, which here knows no
 * expressions; it is the same moment. upstream: pkg/apis/admissionregistration/validation validateMatchConditionsExpression
 */
import type { ValidatingWebhookConfiguration } from "#api/generated/types/admissionregistration-v1.ts";
import { hasSameConditions } from "#api/admissionregistration/validation.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import { invalidError } from "#api/meta/status.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns } from "../refuse.ts";
import type { MatchConditions } from "./match-conditions.ts";

const resources = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"].map(
  (name) => `${name}.admissionregistration.k8s.io`,
);

export class WebhookExpressions implements AdmissionPlugin {
  readonly name = "WebhookExpressions";
  readonly resources = resources;
  readonly #conditions: MatchConditions;

  constructor(conditions: MatchConditions) {
    this.#conditions = conditions;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!resources.some((resource) => concerns(attributes, resource))) return;
    const configuration = attributes.object as ValidatingWebhookConfiguration;
    const { webhooks = [] } = configuration;
    const old = attributes.oldObject as ValidatingWebhookConfiguration | undefined;
    // What was taken once stays good, also when later versions know better.
    if (old !== undefined && hasSameConditions(configuration, old)) return;
    const faults: FieldError[] = [];
    for (const [hook, { matchConditions = [] }] of webhooks.entries()) {
      for (const [index, { expression }] of matchConditions.entries()) {
        const fault = await this.#conditions.fault(expression);
        const field = `webhooks[${hook}].matchConditions[${index}].expression`;
        if (fault !== undefined) faults.push(invalid(field, expression, fault));
      }
    }
    if (faults.length === 0) return;
    const { group, kind } = attributes.gvk;
    throw invalidError({ group, kind, name: attributes.name }, faults);
  }
}
