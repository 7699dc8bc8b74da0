/**
 * Users by tokens that are kept in secrets of type kubernetes.io/service-account-token: as good as the secret that holds
 * them. upstream: pkg/serviceaccount/legacy.go
 */
import {
  invalidSinceLabel,
  lastUsedLabel,
  legacyIssuer,
  readLegacyClaims,
  type LegacyToken,
} from "#api/core/legacy-token.ts";
import type { Secret, ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { AccountTokenMetrics } from "#apiserver/metrics/account-token-metrics.ts";
import type { Clock } from "#base/clock.ts";
import { toRfc3339 } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import { JwtError, readClaims, verifyJwt, type VerificationKey } from "#pki/jwt.ts";
import { LruCache } from "#pki/lru.ts";
import { forThisServer, TokenError, type TokenAnswer, type TokenAuthenticator } from "../bearer-token.ts";
import { serviceAccountGroups, serviceAccountUserName } from "../user.ts";
import type { BoundObjects } from "./bound-objects.ts";

export interface LegacyTokenOptions {
  readonly apiAudiences: readonly string[];
  /** Whether the secret and the account must still be there. upstream: --service-account-lookup */
  readonly looksUp: boolean;
}

export interface LegacyTokenDeps {
  readonly keys: readonly VerificationKey[];
  readonly objects: Pick<BoundObjects, "secret" | "serviceAccount">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Notes in the secret's labels that its token was used. */
  readonly label: (secret: Secret, labels: Readonly<Record<string, string>>) => Promise<void>;
  readonly metrics?: AccountTokenMetrics | undefined;
}

const dayOf = (ms: number): string => toRfc3339(ms).slice(0, 10);
const dayMs = 24 * 3600 * 1000;
/** Tokens whose signature is remembered as good. */
const rememberedMax = 1024;

export class LegacyTokenAuthenticator implements TokenAuthenticator {
  readonly #options: LegacyTokenOptions;
  readonly #deps: LegacyTokenDeps;
  readonly #remembered = new LruCache<LegacyToken>(rememberedMax);

  constructor(options: LegacyTokenOptions, deps: LegacyTokenDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    if (readClaims(token)?.["iss"] !== legacyIssuer) return undefined;
    const known = this.#remembered.get(token) ?? (await this.#verify(token));
    this.#remembered.set(token, known);
    if (this.#options.looksUp) await this.#check(token, known);
    const { namespace, accountName, accountUid } = known;
    const user = {
      name: serviceAccountUserName(namespace, accountName),
      uid: accountUid,
      groups: serviceAccountGroups(namespace),
    };
    return forThisServer(user, audiences, this.#options.apiAudiences);
  }

  async #verify(token: string): Promise<LegacyToken> {
    try {
      const claims = readLegacyClaims(await verifyJwt(token, this.#deps.keys));
      if (typeof claims === "string") throw new TokenError(claims);
      return claims;
    } catch (error) {
      if (error instanceof JwtError) throw new TokenError("invalid signature", { cause: error });
      throw error;
    }
  }

  async #check(token: string, claims: LegacyToken): Promise<void> {
    const { namespace, secretName, accountName } = claims;
    const { objects, metrics } = this.#deps;
    const secret = await objects.secret(namespace, secretName);
    checkSecret(secret, token);
    const account = await objects.serviceAccount(namespace, accountName);
    checkAccount(account, claims);
    await this.#noteUse(secret);
    const since = secret.metadata?.labels?.[invalidSinceLabel] ?? "";
    if (since !== "") {
      metrics?.legacyInvalid.add();
      throw new TokenError(
        `the token in secret ${namespace}/${secretName} for service account ${namespace}/${accountName} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSinceLabel}' label from the secret to temporarily allow use of this token`,
      );
    }
    const isAuto = account.secrets?.some(({ name }) => name === secretName) === true;
    (isAuto ? metrics?.legacyAuto : metrics?.legacyManual)?.add();
    metrics?.legacy.add();
  }

  /** Once a day. Other servers' clocks may be a day ahead. */
  async #noteUse(secret: Secret): Promise<void> {
    const { clock, log, label } = this.#deps;
    const lastUsed = secret.metadata?.labels?.[lastUsedLabel];
    if (lastUsed === dayOf(clock.now()) || lastUsed === dayOf(clock.now() + dayMs)) return;
    try {
      await label(secret, { [lastUsedLabel]: dayOf(clock.now()) });
    } catch (error) {
      log.warn("the use of a token isn't noted in its secret", {
        secret: `${secret.metadata?.namespace ?? ""}/${secret.metadata?.name ?? ""}`,
        reason: errorText(error),
      });
    }
  }
}

function checkSecret(secret: Secret | undefined, token: string): asserts secret is Secret {
  if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined) {
    throw new TokenError("Token has been invalidated");
  }
  if (Buffer.from(secret.data?.["token"] ?? "", "base64").toString("utf8") !== token) {
    throw new TokenError("Token does not match server's copy");
  }
}

function checkAccount(
  account: ServiceAccount | undefined,
  { namespace, accountName, accountUid }: LegacyToken,
): asserts account is ServiceAccount {
  if (account === undefined || account.metadata?.deletionTimestamp !== undefined) {
    throw new TokenError(`ServiceAccount ${namespace}/${accountName} has been deleted`);
  }
  const uid = account.metadata?.uid ?? "";
  if (uid !== accountUid) {
    throw new TokenError(`ServiceAccount UID (${uid}) does not match claim (${accountUid})`);
  }
}
