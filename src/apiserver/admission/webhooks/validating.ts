/** ValidatingAdmissionWebhook: all webhooks that a write concerns are asked at once; the first refusal counts. */
import { validatingWebhookConfigurations } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { HookCaller, HookFailure } from "./call.ts";
import type { MatchConditions } from "./match-conditions.ts";
import { HookMatcher, isExempt } from "./matching.ts";
import type { WebhookPluginDeps } from "./mutating.ts";
import type { ObjectTypes } from "./object-types.ts";
import { HookSource, type Hook } from "./source.ts";
import { inVersion, type Subject } from "./version.ts";

const failedOpenPrefix = "failed-open.validating.webhook.admission.k8s.io/round_0_index_";

export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionWebhook";
  readonly #source: HookSource;
  readonly #matcher: HookMatcher;
  readonly #caller: HookCaller;
  readonly #types: ObjectTypes;
  readonly #conditions: MatchConditions;

  constructor({ lookup, hooks, types, conditions }: WebhookPluginDeps) {
    this.#conditions = conditions;
    this.#source = new HookSource(validatingWebhookConfigurations, lookup);
    this.#matcher = new HookMatcher({ ...lookup, types });
    this.#caller = new HookCaller(hooks);
    this.#types = types;
  }

  handles(): boolean {
    return !this.#source.isEmpty;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (isExempt(attributes)) return;
    const asked: { readonly hook: Hook; readonly subject: Subject }[] = [];
    for (const hook of await this.#source.hooks()) {
      const named = await this.#matcher.match(hook, attributes);
      if (named === undefined) continue;
      const subject = await inVersion(attributes, named, this.#types);
      if (await this.#conditions.hold(hook, attributes, subject)) asked.push({ hook, subject });
    }
    const results = await Promise.allSettled(
      asked.map(({ hook, subject }, index) => this.#ask(hook, subject, attributes, index)),
    );
    const refused = results.find((result) => result.status === "rejected");
    if (refused !== undefined) throw refused.reason;
  }

  async #ask(
    { webhook }: Hook,
    subject: Subject,
    attributes: AdmissionAttributes,
    index: number,
  ): Promise<void> {
    try {
      await this.#caller.ask(webhook, attributes, subject, false);
    } catch (error) {
      if (!(error instanceof HookFailure)) throw error;
      if (!this.#caller.passes(webhook, error, false)) throw error.status;
      attributes.annotate(`${failedOpenPrefix}${index}`, webhook.name);
    }
  }
}
