/** The cluster's own join tokens: who brings one may ask for a node's certificates, and nothing else. */
import { equalSecrets, JoinTokenError, parseJoinToken } from "#pki/join-token.ts";
import type { UserInfo } from "./authenticator.ts";
import { forThisServer, type TokenAnswer, type TokenAuthenticator } from "./bearer-token.ts";

export interface JoinAccount {
  /** The user part of the token: "server", "node". */
  readonly user: string;
  readonly password: string;
  /** "system:bootstrappers" is always among them. */
  readonly groups: readonly string[];
}

export class JoinTokens implements TokenAuthenticator {
  readonly #accounts: readonly JoinAccount[];
  readonly #apiAudiences: readonly string[];

  constructor(accounts: readonly JoinAccount[], apiAudiences: readonly string[]) {
    this.#accounts = accounts;
    this.#apiAudiences = apiAudiences;
  }

  /** For HTTP basic authentication on the join endpoints. */
  verify(user: string, password: string): UserInfo | undefined {
    const account = this.#accounts.find(
      (candidate) => candidate.user === user && equalSecrets(candidate.password, password),
    );
    if (account === undefined) return undefined;
    return {
      name: `system:bootstrap:${account.user}`,
      groups: [...new Set(["system:bootstrappers", ...account.groups])],
    };
  }

  /** Takes the full token or its `user:password` part. */
  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    if (!token.includes(":")) return undefined;
    try {
      const { user, password } = parseJoinToken(token);
      const info = this.verify(user, password);
      return info === undefined ? undefined : forThisServer(info, audiences, this.#apiAudiences);
    } catch (error) {
      if (error instanceof JoinTokenError) return undefined;
      throw error;
    }
  }
}
