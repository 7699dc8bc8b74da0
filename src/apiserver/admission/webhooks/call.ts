/** One webhook asked about one write: what it says, or how asking failed. upstream: apiserver/pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go */
import { DecodeError } from "#api/codec/decode-error.ts";
import type { AdmissionResponse, AdmissionReview } from "#api/generated/types/admission-v1.ts";
import { badRequestError, internalError, StatusError, timeoutError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { HookIdentities } from "#apiserver/connect/hook-identities.ts";
import { HookCallError } from "#apiserver/connect/hook-answer.ts";
import type { HookClient } from "#apiserver/connect/hook-client.ts";
import type { AdmissionMetrics, WebhookOutcome } from "#apiserver/metrics/admission-metrics.ts";
import type { AdmissionAttributes } from "../admission.ts";
import {
  answerOf,
  BadReviewError,
  denial,
  readReview,
  reviewOf,
  reviewVersionOf,
  type Question,
  type ReviewReader,
} from "./review.ts";
import type { AnyWebhook } from "./source.ts";
import type { Subject } from "./version.ts";

export interface HookCallerDeps {
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
  readonly client: HookClient;
  readonly reviews: ReviewReader;
  readonly random: Random;
  readonly log: Logger;
  /** As whom webhooks are asked. Absent: as nobody. */
  readonly identities?: HookIdentities | undefined;
}

/** Asking failed: the webhook's failurePolicy says what that means. */
export class HookFailure extends Error {
  override readonly name = "HookFailure";
  readonly code = "HOOK_FAILURE";

  constructor(webhookName: string, reason: string, options?: ErrorOptions) {
    super(`failed calling webhook ${JSON.stringify(webhookName)}: ${reason}`, options);
  }

  /** What a client sees when nothing may pass without the webhook. */
  get status(): StatusError {
    return internalError(this.message, { cause: this });
  }
}

const harmless = new Set(["None", "NoneOnDryRun"]);
const defaultTimeoutSeconds = 10;

export class HookCaller {
  readonly #deps: HookCallerDeps;

  constructor(deps: HookCallerDeps) {
    this.#deps = deps;
  }

  /**
   * The answer of a webhook that allowed the write; its warnings and annotations are passed on.
   * Throws StatusError when it refused, HookFailure when it couldn't be asked.
   */
  async ask(
    webhook: AnyWebhook,
    attributes: AdmissionAttributes,
    subject: Subject,
    isMutating: boolean,
  ): Promise<AdmissionResponse> {
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    let outcome: Pick<WebhookOutcome, "code" | "rejectedFor"> = { code: 200 };
    try {
      return await this.#ask(webhook, attributes, subject, isMutating);
    } catch (error) {
      outcome = outcomeOf(error, webhook);
      throw error;
    } finally {
      const ms = clock.monotonic() - began;
      // Validating ones are asked at once: whoever asks them knows how long the slowest took.
      if (isMutating) attributes.held?.(ms);
      metrics.webhook({
        name: webhook.name,
        isMutating,
        operation: attributes.operation,
        seconds: ms / 1000,
        ...outcome,
      });
    }
  }

  async #ask(
    webhook: AnyWebhook,
    attributes: AdmissionAttributes,
    subject: Subject,
    isMutating: boolean,
  ): Promise<AdmissionResponse> {
    if (attributes.dryRun && !harmless.has(webhook.sideEffects)) {
      throw badRequestError(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
    }
    const version = reviewVersionOf(webhook);
    if (version === undefined) {
      throw new HookFailure(
        webhook.name,
        "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
      );
    }
    const question: Question = { ...subject, uid: this.#deps.random.uuid(), version };
    const answer = await this.#answer(webhook, attributes, question, isMutating);
    for (const [key, text] of Object.entries(answer.auditAnnotations ?? {})) {
      attributes.annotate(`${webhook.name}/${key}`, text);
    }
    for (const text of answer.warnings ?? []) attributes.warn(text);
    if (!answer.allowed) throw denial(webhook.name, answer.status);
    return answer;
  }

  async #answer(
    webhook: AnyWebhook,
    attributes: AdmissionAttributes,
    question: Question,
    isMutating: boolean,
  ): Promise<AdmissionResponse> {
    let review: AdmissionReview;
    try {
      const said = await this.#deps.client.call({
        config: webhook.clientConfig,
        body: reviewOf(attributes, question),
        timeoutSeconds: webhook.timeoutSeconds ?? defaultTimeoutSeconds,
        signal: attributes.signal,
        identities: this.#deps.identities,
      });
      review = readReview(said, this.#deps.reviews);
    } catch (error) {
      if (!(error instanceof HookCallError) && !(error instanceof DecodeError)) throw error;
      if (attributes.signal?.aborted === true) {
        // The client was told that its write took too long, or is gone: what couldn't be asked lets nothing pass any more.
        throw timeoutError("request did not complete within requested timeout", { cause: error });
      }
      throw new HookFailure(webhook.name, `failed to call webhook: ${error.message}`, { cause: error });
    }
    try {
      return answerOf(review, question, isMutating);
    } catch (error) {
      if (!(error instanceof BadReviewError)) throw error;
      throw new HookFailure(webhook.name, `received invalid webhook response: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** Whether the write may go on without this webhook; logged either way. */
  passes(webhook: AnyWebhook, failure: HookFailure, isMutating: boolean): boolean {
    const isOpen = webhook.failurePolicy === "Ignore";
    if (isOpen) this.#deps.metrics.failedOpen(webhook.name, isMutating);
    this.#deps.log.warn(isOpen ? "webhook failed, going on without it" : "webhook failed, refusing", {
      webhook: webhook.name,
      error: failure,
    });
    return isOpen;
  }
}

function outcomeOf(error: unknown, webhook: AnyWebhook): Pick<WebhookOutcome, "code" | "rejectedFor"> {
  if (error instanceof HookFailure) {
    const isOpen = webhook.failurePolicy === "Ignore";
    return {
      code: error.status.status.code ?? 0,
      rejectedFor: isOpen ? undefined : "calling_webhook_error",
    };
  }
  if (error instanceof StatusError) return { code: error.status.code ?? 0, rejectedFor: "no_error" };
  return { code: 0, rejectedFor: "apiserver_internal_error" };
}
