/** Users by ID tokens of an OpenID Connect provider. upstream: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go */
import { createHash } from "node:crypto";
import type { IssuerMetrics } from "#apiserver/metrics/issuer-metrics.ts";
import type { Clock } from "#base/clock.ts";
import { readClaims, type Claims } from "#pki/jwt.ts";
import { LruCache } from "#pki/lru.ts";
import type { UserInfo } from "../authenticator.ts";
import { forThisServer, TokenError, type TokenAnswer, type TokenAuthenticator } from "../bearer-token.ts";
import { DistributedClaim, DistributedClaimError } from "./distributed-claims.ts";
import { TokenVerifier, VerificationError, type VerifierOptions } from "./verifier.ts";

export interface OidcOptions extends VerifierOptions {
  /** Of this server: who may ask about these tokens. */
  readonly apiAudiences: readonly string[];
  /** Looked for elsewhere where a token names a source of it. */
  readonly distributedClaim: string | undefined;
  /** Throws TokenError. */
  readonly userOf: (claims: Claims) => UserInfo;
}

export interface OidcDeps {
  readonly clock: Clock;
  readonly metrics?: IssuerMetrics | undefined;
}

/** upstream: the cache of all tokens that were good, pkg/kubeapiserver/options/authentication.go */
const rememberedMs = 10_000;
const rememberedMax = 4096;

export class OidcAuthenticator implements TokenAuthenticator {
  readonly #options: OidcOptions;
  readonly #clock: Clock;
  #metrics: IssuerMetrics | undefined;
  readonly #verifier: TokenVerifier;
  readonly #distributed: DistributedClaim | undefined;
  readonly #remembered = new LruCache<{ readonly user: UserInfo; readonly until: number }>(rememberedMax);

  /** Asks nobody yet: the provider may be one of this very cluster. */
  constructor(options: OidcOptions, { clock, metrics }: OidcDeps) {
    this.#options = options;
    this.#clock = clock;
    this.#metrics = metrics;
    const { distributedClaim: claim } = options;
    this.#verifier = new TokenVerifier(options, clock);
    if (metrics !== undefined) this.measureIssuers(metrics);
    this.#distributed = claim === undefined ? undefined : new DistributedClaim(claim, options, clock);
  }

  measureIssuers(metrics: IssuerMetrics): void {
    this.#metrics = metrics;
    this.#verifier.measure(metrics);
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const { issuerUrl, apiAudiences } = this.#options;
    if (readClaims(token)?.["iss"] !== issuerUrl) return undefined;
    return forThisServer(await this.#user(token), audiences, apiAudiences);
  }

  /** A token that was good a moment ago is good still. */
  async #user(token: string): Promise<UserInfo> {
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#remembered.get(key);
    const now = this.#clock.now();
    if (known !== undefined && now < known.until) return known.user;
    const { user, expiresMs } = await this.#looked(token);
    this.#remembered.set(key, { user, until: Math.min(now + rememberedMs, expiresMs) });
    return user;
  }

  async #looked(token: string): Promise<{ readonly user: UserInfo; readonly expiresMs: number }> {
    const began = this.#clock.monotonic();
    const looked = (result: "success" | "failure"): void => {
      this.#metrics?.looked(this.#options.issuerUrl, result, this.#clock.monotonic() - began);
    };
    try {
      const claims = await this.#claimsOf(token);
      const user = this.#options.userOf(claims);
      looked("success");
      return { user, expiresMs: Number(claims["exp"]) * 1000 };
    } catch (error) {
      looked("failure");
      throw error;
    }
  }

  async #claimsOf(token: string): Promise<Claims> {
    try {
      const claims = await this.#verifier.claimsOf(token);
      return this.#distributed === undefined ? claims : await this.#distributed.expand(claims);
    } catch (error) {
      if (error instanceof VerificationError) {
        throw new TokenError(`oidc: verify token: ${error.message}`, { cause: error });
      }
      if (error instanceof DistributedClaimError) {
        throw new TokenError(`oidc: could not expand distributed claims: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }
}
