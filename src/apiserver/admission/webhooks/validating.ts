/** ValidatingAdmissionWebhook: all webhooks that a write concerns are asked at once; the first refusal counts. */
import { validatingWebhookConfigurations } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { HookCaller, HookFailure } from "./call.ts";
import { HookMatcher, isExempt } from "./matching.ts";
import type { WebhookPluginDeps } from "./mutating.ts";
import type { Named, ObjectTypes } from "./object-types.ts";
import { HookSource, type Hook } from "./source.ts";
import { inVersion } from "./version.ts";

const failedOpenPrefix = "failed-open.validating.webhook.admission.k8s.io/round_0_index_";

export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionWebhook";
  readonly #source: HookSource;
  readonly #matcher: HookMatcher;
  readonly #caller: HookCaller;
  readonly #types: ObjectTypes;

  constructor({ lookup, hooks, types }: WebhookPluginDeps) {
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
    const asked: { readonly hook: Hook; readonly named: Named }[] = [];
    for (const hook of await this.#source.hooks()) {
      const named = await this.#matcher.match(hook, attributes);
      if (named !== undefined) asked.push({ hook, named });
    }
    const results = await Promise.allSettled(
      asked.map(({ hook, named }, index) => this.#ask(hook, named, attributes, index)),
    );
    const refused = results.find((result) => result.status === "rejected");
    if (refused !== undefined) throw refused.reason;
  }

  async #ask({ webhook }: Hook, named: Named, attributes: AdmissionAttributes, index: number): Promise<void> {
    try {
      await this.#caller.ask(webhook, attributes, inVersion(attributes, named, this.#types), false);
    } catch (error) {
      if (!(error instanceof HookFailure)) throw error;
      if (!this.#caller.passes(webhook, error)) throw error.status;
      attributes.annotate(`${failedOpenPrefix}${index}`, webhook.name);
    }
  }
}
