/** A review put to another server: tried again where a failure may pass, and answered by a review of the same version. upstream: apiserver/pkg/util/webhook/webhook.go */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { KubeconfigHookError, type KubeconfigHook } from "./kubeconfig-hook.ts";

export interface HookReviewDeps {
  readonly hook: Pick<KubeconfigHook, "post"> & Partial<Pick<KubeconfigHook, "countFaults">>;
  readonly clock: Clock;
  readonly random: Random;
  /** Before the second try. Default 500. */
  readonly firstRetryMs?: number;
  /** How each try went; undefined: it was answered. */
  readonly tried?: (error: unknown, ms: number) => void;
}

export interface Review {
  readonly kind: string;
  readonly apiVersion: string;
}

/** The server said something else than what it was asked for. */
class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly code = "ANSWER";
}

/** Whether it is about the other server, and no fault of our own. */
export const isHookFailure = (error: unknown): error is Error =>
  error instanceof KubeconfigHookError || error instanceof AnswerError;

/** upstream: DefaultAuthWebhookRetryBackoff */
const backoff = { firstMs: 500, factor: 1.5, jitter: 0.2, tries: 5 };

/** The answer's status; an empty one where it has none. Throws what `isHookFailure` knows. */
export async function askReview(
  review: Review,
  timeoutMs: number,
  { hook, clock, random, tried, firstRetryMs = backoff.firstMs }: HookReviewDeps,
): Promise<Readonly<Record<string, unknown>>> {
  const never = new AbortController().signal;
  let waitMs = firstRetryMs;
  for (let tries = 1; ; tries++) {
    const began = clock.monotonic();
    try {
      const status = statusOf(await hook.post(review, timeoutMs), review);
      tried?.(undefined, clock.monotonic() - began);
      return status;
    } catch (error) {
      tried?.(error, clock.monotonic() - began);
      const again = error instanceof KubeconfigHookError && error.mayPass && tries < backoff.tries;
      if (!again) throw error;
    }
    await clock.sleep(waitMs * (1 + backoff.jitter * random.next()), never);
    waitMs *= backoff.factor;
  }
}

interface Answered extends Partial<Record<keyof Review, unknown>> {
  readonly status?: Readonly<Record<string, unknown>> | null;
}

function statusOf(answer: unknown, { kind, apiVersion }: Review): Readonly<Record<string, unknown>> {
  const answered = (typeof answer === "object" && answer !== null ? answer : {}) as Answered;
  if (answered.kind === kind && answered.apiVersion === apiVersion) return answered.status ?? {};
  throw new AnswerError(
    `the answer is ${String(answered.kind)} of ${String(answered.apiVersion)}, must be ${kind} of ${apiVersion}`,
  );
}
