/** Users by bearer token: several kinds of tokens, and what a TokenReview asks about them. */
import { unauthorizedError } from "#api/meta/status.ts";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import type { IssuerMetrics } from "#apiserver/metrics/issuer-metrics.ts";
import type { Authenticator, Credentials, UserInfo } from "./authenticator.ts";
import { withAuthenticatedGroup } from "./user.ts";

export interface TokenAnswer {
  readonly user: UserInfo;
  /** Those of the asked audiences that the token is meant for. */
  readonly audiences: readonly string[];
}

export interface TokenAuthenticator {
  /**
   * Undefined: not a token of mine. Throws TokenError: mine, and not good.
   * `audiences`: who wants to know; the token must be meant for one of them.
   */
  authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined>;
  /** Where servers that it asks are noted whose certificates aren't taken. */
  countFaults?(faults: CertificateFaults): void;
  /** Where it is noted how tokens of other issuers are looked at. */
  measureIssuers?(metrics: IssuerMetrics): void;
}

/** Why a token isn't good; goes to logs and TokenReviews, never into a 401. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code = "BAD_TOKEN";
}

/** Of the first member that knows the token. Throws TokenError, the first there was, when none takes it for good. */
export async function firstAnswer(
  members: readonly TokenAuthenticator[],
  token: string,
  audiences: readonly string[],
): Promise<TokenAnswer | undefined> {
  let fault: TokenError | undefined;
  for (const member of members) {
    try {
      const answer = await member.authenticateToken(token, audiences);
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      fault ??= error;
    }
  }
  if (fault !== undefined) throw fault;
  return undefined;
}

/** Tokens that say nothing of an audience are meant for this server. */
export function forThisServer(
  user: UserInfo,
  asked: readonly string[],
  own: readonly string[],
): TokenAnswer | undefined {
  const audiences = asked.filter((audience) => own.includes(audience));
  return audiences.length === 0 ? undefined : { user, audiences };
}

export interface BearerTokenOptions {
  /** The audiences of this server: --api-audiences, by default the issuer of service account tokens. */
  readonly apiAudiences: readonly string[];
}

export class BearerTokenAuthenticator implements Authenticator {
  readonly #options: BearerTokenOptions;
  readonly #members: readonly TokenAuthenticator[];

  constructor(options: BearerTokenOptions, members: readonly TokenAuthenticator[]) {
    this.#options = options;
    this.#members = members;
  }

  async authenticate({ bearerToken }: Credentials): Promise<UserInfo | undefined> {
    if (bearerToken === undefined || bearerToken === "") return undefined;
    try {
      const answer = await firstAnswer(this.#members, bearerToken, this.#options.apiAudiences);
      if (answer !== undefined) return answer.user;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      throw unauthorizedError(undefined, { cause: error });
    }
    throw unauthorizedError(undefined, { cause: new TokenError("invalid bearer token") });
  }

  /** For TokenReview: without audiences it is about this server. Undefined: nobody knows the token. */
  async review(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const asked = audiences.length === 0 ? this.#options.apiAudiences : audiences;
    const answer = await firstAnswer(this.#members, token, asked);
    return answer === undefined ? undefined : { ...answer, user: withAuthenticatedGroup(answer.user) };
  }
}
