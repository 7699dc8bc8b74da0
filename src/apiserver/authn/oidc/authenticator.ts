/** Users by ID tokens of an OpenID Connect provider. upstream: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go */
import { createHash } from "node:crypto";
import { compactVerify, errors } from "jose";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { readClaims, type Claims } from "#pki/jwt.ts";
import { LruCache } from "#pki/lru.ts";
import type { UserInfo } from "../authenticator.ts";
import { forThisServer, TokenError, type TokenAnswer, type TokenAuthenticator } from "../bearer-token.ts";
import { IssuerKeySet, KeySetError, type KeySetOptions } from "./key-set.ts";

export interface OidcOptions extends KeySetOptions {
  /** A token is meant for one of them. */
  readonly audiences: readonly string[];
  readonly signingAlgs: readonly string[];
  /** Of this server: who may ask about these tokens. */
  readonly apiAudiences: readonly string[];
  /** Throws TokenError. */
  readonly userOf: (claims: Claims) => UserInfo;
}

/** upstream: the cache of all tokens that were good, pkg/kubeapiserver/options/authentication.go */
const rememberedMs = 10_000;
const rememberedMax = 4096;

/** As Go's %q writes a list. */
const quoteList = (list: readonly unknown[]): string =>
  `[${list.map((each) => JSON.stringify(each)).join(" ")}]`;

/** go-oidc allows this much for "not before" only. */
const notBeforeLeewaySeconds = 300;

export class OidcAuthenticator implements TokenAuthenticator {
  readonly #options: OidcOptions;
  readonly #clock: Clock;
  readonly #keys: IssuerKeySet;
  readonly #remembered = new LruCache<{ readonly user: UserInfo; readonly until: number }>(rememberedMax);

  /** Asks nobody yet: the provider may be one of this very cluster. */
  constructor(options: OidcOptions, { clock }: { readonly clock: Clock }) {
    this.#options = options;
    this.#clock = clock;
    this.#keys = new IssuerKeySet(options, clock);
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
    const claims = await this.#verified(token);
    const user = this.#options.userOf(claims);
    this.#remembered.set(key, { user, until: Math.min(now + rememberedMs, Number(claims["exp"]) * 1000) });
    return user;
  }

  async #verified(token: string): Promise<Claims> {
    try {
      const keys = await this.#keys.keysFor(token);
      const { payload } = await compactVerify(token, keys, { algorithms: [...this.#options.signingAlgs] });
      const claims = JSON.parse(Buffer.from(payload).toString("utf8")) as Claims;
      this.#check(claims);
      return claims;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof KeySetError) {
        throw new TokenError(`oidc: verify token: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }

  /** In go-oidc's order and words. */
  #check({ aud, exp, nbf }: Claims): void {
    const wanted = this.#options.audiences;
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    const now = this.#clock.now() / 1000;
    if (!wanted.some((audience) => audiences.includes(audience))) {
      const expected = wanted.length === 1 ? JSON.stringify(wanted[0]) : `in ${quoteList(wanted)}`;
      throw new TokenError(
        `oidc: verify token: oidc: expected audience ${expected} got ${quoteList(audiences)}`,
      );
    }
    if (typeof exp !== "number" || now > exp) {
      const expiry = typeof exp === "number" ? toRfc3339(exp * 1000) : "none";
      throw new TokenError(`oidc: verify token: oidc: token is expired (Token Expiry: ${expiry})`);
    }
    if (typeof nbf === "number" && now + notBeforeLeewaySeconds < nbf) {
      throw new TokenError(
        `oidc: verify token: oidc: current time ${toRfc3339(now * 1000)} before the nbf (not before) time: ${toRfc3339(nbf * 1000)}`,
      );
    }
  }
}
