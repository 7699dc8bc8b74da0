/** Users by ID tokens of an OpenID Connect provider. upstream: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go */
import { compactVerify, errors } from "jose";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { readClaims, type Claims } from "#pki/jwt.ts";
import { forThisServer, TokenError, type TokenAnswer, type TokenAuthenticator } from "../bearer-token.ts";
import { userOfClaims, type ClaimMapping } from "./claims.ts";
import { IssuerKeySet, KeySetError } from "./key-set.ts";

export interface OidcOptions extends ClaimMapping {
  readonly issuerUrl: string;
  readonly clientId: string;
  readonly signingAlgs: readonly string[];
  readonly caPem: string | undefined;
  /** Of this server: who may ask about these tokens. */
  readonly apiAudiences: readonly string[];
}

/** go-oidc allows this much for "not before" only. */
const notBeforeLeewaySeconds = 300;

export class OidcAuthenticator implements TokenAuthenticator {
  readonly #options: OidcOptions;
  readonly #clock: Clock;
  readonly #keys: IssuerKeySet;

  /** Asks nobody yet: the provider may be one of this very cluster. */
  constructor(options: OidcOptions, { clock }: { readonly clock: Clock }) {
    this.#options = options;
    this.#clock = clock;
    this.#keys = new IssuerKeySet(options, clock);
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const { issuerUrl, apiAudiences } = this.#options;
    if (readClaims(token)?.["iss"] !== issuerUrl) return undefined;
    const user = userOfClaims(await this.#verified(token), this.#options);
    return forThisServer(user, audiences, apiAudiences);
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
    const { clientId } = this.#options;
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    const now = this.#clock.now() / 1000;
    if (!audiences.includes(clientId)) {
      throw new TokenError(
        `oidc: verify token: oidc: expected audience ${JSON.stringify(clientId)} got ${JSON.stringify(audiences)}`,
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
