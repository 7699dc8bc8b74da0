/** Asks another server by SubjectAccessReview. upstream: apiserver/plugin/pkg/authorizer/webhook/webhook.go */
import type {
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from "#api/generated/types/authorization-v1.ts";
import type { Logger } from "#base/log.ts";
import { LruCache } from "#pki/lru.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { askReview, isHookFailure, type HookReviewDeps } from "#apiserver/connect/hook-review.ts";
import { KubeconfigHookError } from "#apiserver/connect/kubeconfig-hook.ts";
import type { AuthorizerMetrics, WebhookResult } from "#apiserver/metrics/authorizer-metrics.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "../authorizer.ts";
import { reviewSpec } from "./review.ts";

export interface WebhookAuthorizerOptions {
  readonly name: string;
  /** Of the reviews. */
  readonly version: "v1" | "v1beta1";
  readonly timeoutMs: number;
  /** How long it counts that something is allowed, and that it isn't; 0: not at all. */
  readonly authorizedMs: number;
  readonly unauthorizedMs: number;
  /** What it means that the server can't be asked: the next authorizer is, or the request is refused. */
  readonly failurePolicy: "NoOpinion" | "Deny";
}

export interface WebhookAuthorizerDeps extends HookReviewDeps {
  readonly log: Logger;
  readonly metrics: AuthorizerMetrics;
  /** Whether the server has to do with it at all; a text says why that can't be told. Absent: always. */
  readonly matches?: ((spec: SubjectAccessReviewSpec) => boolean | string) | undefined;
}

interface Remembered {
  readonly decision: Decision;
  readonly until: number;
}

const rememberedMax = 8192;
/** What clients choose isn't remembered when it is longer. */
const controlledCharactersMax = 10_000;
const noOpinion: Decision = { allowed: false, denied: false, reason: "" };

export class WebhookAuthorizer implements Authorizer {
  readonly #options: WebhookAuthorizerOptions;
  readonly #deps: WebhookAuthorizerDeps;
  readonly #remembered = new LruCache<Remembered>(rememberedMax);

  constructor(options: WebhookAuthorizerOptions, deps: WebhookAuthorizerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const spec = reviewSpec(attributes);
    const matches = this.#matches(spec);
    if (typeof matches === "string") return this.#failed(matches);
    if (!matches) return noOpinion;
    const key = JSON.stringify(spec);
    const known = this.#remembered.get(key);
    if (known !== undefined && this.#deps.clock.monotonic() < known.until) return known.decision;
    return this.#ask(spec, controlledLength(attributes) < controlledCharactersMax ? key : undefined);
  }

  #matches(spec: SubjectAccessReviewSpec): boolean | string {
    const { matches, clock, metrics } = this.#deps;
    if (matches === undefined) return true;
    const began = clock.monotonic();
    const answer = matches(spec);
    metrics.conditions(this.#options.name, answer, clock.monotonic() - began);
    return answer;
  }

  rulesFor(_user: UserInfo, _namespace: string): Promise<UserRules> {
    return Promise.resolve({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: "webhook authorizer does not support user rule resolution",
    });
  }

  /** `key`: what the answer is remembered by; undefined: it isn't. */
  async #ask(spec: SubjectAccessReviewSpec, key: string | undefined): Promise<Decision> {
    const { authorizedMs, unauthorizedMs, name, failurePolicy } = this.#options;
    const { log, metrics } = this.#deps;
    let decision: Decision;
    try {
      decision = await this.#answer(spec);
    } catch (error) {
      if (!isHookFailure(error)) throw error;
      log.error("authorization webhook not asked", { authorizer: name, reason: error.message });
      if (failurePolicy === "NoOpinion") metrics.failedOpen(name, resultOf(error));
      return this.#failed(error.message);
    }
    const keepMs = decision.allowed ? authorizedMs : unauthorizedMs;
    if (key !== undefined && keepMs > 0) {
      this.#remembered.set(key, { decision, until: this.#deps.clock.monotonic() + keepMs });
    }
    return decision;
  }

  #failed(error: string): Decision {
    return { allowed: false, denied: this.#options.failurePolicy === "Deny", reason: "", error };
  }

  async #answer(spec: SubjectAccessReviewSpec): Promise<Decision> {
    const { version, timeoutMs, name } = this.#options;
    const review = {
      kind: "SubjectAccessReview",
      apiVersion: `authorization.k8s.io/${version}`,
      metadata: {},
      spec: version === "v1" ? spec : olderSpec(spec),
      status: { allowed: false },
    };
    return decisionOf(
      await askReview(review, timeoutMs, {
        ...this.#deps,
        tried: (error, ms) => {
          this.#deps.metrics.webhook(name, resultOf(error), ms);
        },
      }),
    );
  }
}

function resultOf(error: unknown): WebhookResult {
  if (error === undefined) return "success";
  return error instanceof KubeconfigHookError && error.isLate ? "timeout" : "error";
}

/** The older version has the list under another name. */
function olderSpec({ groups, ...spec }: SubjectAccessReviewSpec): Record<string, unknown> {
  return groups === undefined ? { ...spec } : { ...spec, group: groups };
}

type Status = Partial<Record<keyof SubjectAccessReviewStatus, unknown>>;

function decisionOf({ allowed, denied, reason: given }: Status): Decision {
  const reason = typeof given === "string" ? given : "";
  if (allowed === true && denied === true) {
    const error = "webhook subject access review returned both allow and deny response";
    return { allowed: false, denied: true, reason, error };
  }
  return { allowed: allowed === true, denied: denied === true, reason };
}

function controlledLength(attributes: Attributes): number {
  const { namespace, verb, group, version, resource, subresource, name, path } = attributes;
  const { fieldSelector = "", labelSelector = "" } = attributes;
  return [
    namespace,
    verb,
    group,
    version,
    resource,
    subresource,
    name,
    path,
    fieldSelector,
    labelSelector,
  ].reduce((length, text) => length + text.length, 0);
}
