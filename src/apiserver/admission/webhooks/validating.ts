/** ValidatingAdmissionWebhook: all webhooks that a write concerns are asked at once; the first refusal counts. */
import { validatingWebhookConfigurations } from "#api/resources.ts";
import type { Clock } from "#base/clock.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { HookIdentities } from "#apiserver/connect/hook-identities.ts";
import { HookCaller, HookFailure } from "./call.ts";
import { ConcernedHooks, type WebhookPluginDeps } from "./concerned.ts";
import { isExempt } from "./matching.ts";
import type { Hook } from "./source.ts";
import type { Subject } from "./version.ts";

const failedOpenPrefix = "failed-open.validating.webhook.admission.k8s.io/round_0_index_";

export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionWebhook";
  readonly #hooks: ConcernedHooks;
  readonly #caller: HookCaller;
  readonly #identities: HookIdentities | undefined;
  readonly #clock: Clock;

  constructor(deps: WebhookPluginDeps) {
    this.#hooks = new ConcernedHooks(validatingWebhookConfigurations, "validating", deps);
    this.#caller = new HookCaller(deps.hooks);
    this.#identities = deps.hooks.identities;
    this.#clock = deps.hooks.clock;
  }

  /** Throws KubeconfigError. */
  async load(): Promise<void> {
    await this.#identities?.load();
  }

  handles(): boolean {
    return !this.#hooks.isEmpty;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (isExempt(attributes)) return;
    const asked: { readonly hook: Hook; readonly subject: Subject }[] = [];
    for (const hook of await this.#hooks.all()) {
      const subject = await this.#hooks.subject(hook, attributes);
      if (subject !== undefined) asked.push({ hook, subject });
    }
    if (asked.length === 0) return;
    const began = this.#clock.monotonic();
    const results = await Promise.allSettled(
      asked.map(({ hook, subject }, index) => this.#ask(hook, subject, attributes, index)),
    );
    attributes.held?.(this.#clock.monotonic() - began);
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
