/** Users by tokens that another server judges. upstream: apiserver/plugin/pkg/authenticator/token/webhook */
import { createHash } from "node:crypto";
import type { TokenReview } from "#api/generated/types/authentication-v1.ts";
import type { Clock } from "#base/clock.ts";
import { LruCache } from "#pki/lru.ts";
import { KubeconfigHookError, type KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import { TokenError, type TokenAnswer, type TokenAuthenticator } from "./bearer-token.ts";

export interface WebhookTokenOptions {
  readonly apiAudiences: readonly string[];
  readonly version: "v1" | "v1beta1";
  /** How long an answer holds. */
  readonly cacheMs: number;
}

export interface WebhookTokenDeps {
  readonly hook: Pick<KubeconfigHook, "post">;
  readonly clock: Clock;
}

interface Remembered {
  readonly answer: TokenAnswer | undefined;
  readonly until: number;
}

const rememberedMax = 4096;
const timeoutMs = 30_000;

export class WebhookTokenAuthenticator implements TokenAuthenticator {
  readonly #options: WebhookTokenOptions;
  readonly #deps: WebhookTokenDeps;
  readonly #remembered = new LruCache<Remembered>(rememberedMax);

  constructor(options: WebhookTokenOptions, deps: WebhookTokenDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const key = createHash("sha256")
      .update(JSON.stringify([token, audiences]))
      .digest("base64");
    const now = this.#deps.clock.monotonic();
    const known = this.#remembered.get(key);
    if (known !== undefined && now < known.until) return known.answer;
    // What can't be asked or answers with an error isn't remembered.
    const answer = await this.#ask(token, audiences);
    this.#remembered.set(key, { answer, until: now + this.#options.cacheMs });
    return answer;
  }

  async #ask(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const apiVersion = `authentication.k8s.io/${this.#options.version}`;
    const review = { kind: "TokenReview", apiVersion, spec: { token, audiences } };
    try {
      const answer = await this.#deps.hook.post(review, timeoutMs);
      return this.#read(answer ?? {}, audiences);
    } catch (error) {
      if (!(error instanceof KubeconfigHookError)) throw error;
      throw new TokenError(error.message, { cause: error });
    }
  }

  #read({ status = {} }: Partial<TokenReview>, asked: readonly string[]): TokenAnswer | undefined {
    const { authenticated = false, error = "", user = {}, audiences = [] } = status;
    if (!authenticated) {
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
