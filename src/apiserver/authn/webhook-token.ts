/** Users by tokens that another server judges. upstream: apiserver/plugin/pkg/authenticator/token/webhook */
import { createHash } from "node:crypto";
import type { TokenReview } from "#api/generated/types/authentication-v1.ts";
import { LruCache } from "#pki/lru.ts";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import { askReview, isHookFailure, type HookReviewDeps } from "#apiserver/connect/hook-review.ts";
import { TokenError, type TokenAnswer, type TokenAuthenticator } from "./bearer-token.ts";

export interface WebhookTokenOptions {
  readonly apiAudiences: readonly string[];
  readonly version: "v1" | "v1beta1";
  /** How long an answer holds. */
  readonly cacheMs: number;
}

interface Remembered {
  readonly answer: TokenAnswer | undefined;
  readonly until: number;
}

const rememberedMax = 4096;
const timeoutMs = 30_000;

export class WebhookTokenAuthenticator implements TokenAuthenticator {
  readonly #options: WebhookTokenOptions;
  readonly #deps: HookReviewDeps;
  readonly #remembered = new LruCache<Remembered>(rememberedMax);
  readonly #asking = new Map<string, Promise<TokenAnswer | undefined>>();

  constructor(options: WebhookTokenOptions, deps: HookReviewDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const key = createHash("sha256")
      .update(JSON.stringify([token, audiences]))
      .digest("base64");
    const known = this.#remembered.get(key);
    if (known !== undefined && this.#deps.clock.monotonic() < known.until) return known.answer;
    // Of several at once with one token, one asks.
    const asking = this.#asking.get(key) ?? this.#askAndRemember(key, token, audiences);
    this.#asking.set(key, asking);
    return asking;
  }

  countFaults(faults: CertificateFaults): void {
    this.#deps.hook.countFaults?.(faults);
  }

  /** What can't be asked or answers with an error isn't remembered. */
  async #askAndRemember(
    key: string,
    token: string,
    audiences: readonly string[],
  ): Promise<TokenAnswer | undefined> {
    try {
      const answer = await this.#ask(token, audiences);
      const until = this.#deps.clock.monotonic() + this.#options.cacheMs;
      this.#remembered.set(key, { answer, until });
      return answer;
    } finally {
      this.#asking.delete(key);
    }
  }

  async #ask(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const apiVersion = `authentication.k8s.io/${this.#options.version}`;
    const review = { kind: "TokenReview", apiVersion, spec: { token, audiences } };
    try {
      const status = await askReview(review, timeoutMs, this.#deps);
      return this.#read(status, audiences);
    } catch (error) {
      if (!isHookFailure(error)) throw error;
      throw new TokenError(error.message, { cause: error });
    }
  }

  #read(status: Readonly<Record<string, unknown>>, asked: readonly string[]): TokenAnswer | undefined {
    const { error = "", user = {}, audiences = [] } = status as NonNullable<TokenReview["status"]>;
    if (status["authenticated"] !== true) {
      if (error !== "") throw new TokenError(error);
      return undefined;
    }
    // A server that knows nothing of audiences speaks for this one.
    const meant = audiences.length === 0 ? this.#options.apiAudiences : audiences;
    const common = asked.filter((audience) => meant.includes(audience));
    if (common.length === 0) return undefined;
    const { username = "", uid = "", groups = [], extra } = user;
    return {
      user: {
        name: username,
        groups,
        ...(uid === "" ? {} : { uid }),
        ...(extra === undefined ? {} : { extra }),
      },
      audiences: common,
    };
  }
}
