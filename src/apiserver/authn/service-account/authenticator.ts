/** Users by service account token. upstream: pkg/serviceaccount/{jwt,claims}.go */
import { createHash } from "node:crypto";
import type { KubeObject } from "#api/meta/object.ts";
import { parseTime, type Clock } from "#base/clock.ts";
import { JwtError, readClaims, verifyJwt, type VerificationKey } from "#pki/jwt.ts";
import { LruCache } from "#pki/lru.ts";
import type { AccountTokenMetrics } from "#apiserver/metrics/account-token-metrics.ts";
import type { UserInfo } from "../authenticator.ts";
import { TokenError, type TokenAnswer, type TokenAuthenticator } from "../bearer-token.ts";
import { credentialIdKey, serviceAccountGroups, serviceAccountUserName } from "../user.ts";
import type { BoundObjects } from "./bound-objects.ts";
import { fromJwtClaims, type AccountClaims, type ObjectClaim } from "./claims.ts";

/** Tokens whose signature is remembered as good; about 1 KiB each. */
const rememberedMax = 4096;
/** How far clocks may differ, and how long something deleted still counts. */
const leewaySeconds = 60;

export interface ServiceAccountAuthenticatorOptions {
  /** The first is the one tokens are issued by; older ones stay valid. */
  readonly issuers: readonly string[];
}

export interface ServiceAccountAuthenticatorDeps {
  readonly keys: readonly VerificationKey[];
  readonly objects: BoundObjects;
  readonly clock: Clock;
  readonly metrics?: Pick<AccountTokenMetrics, "valid" | "stale"> | undefined;
}

interface Known {
  readonly claims: AccountClaims;
  readonly user: UserInfo;
}

/** Signatures are checked once per token; dates and bound objects at every request. */
export class ServiceAccountAuthenticator implements TokenAuthenticator {
  readonly #options: ServiceAccountAuthenticatorOptions;
  readonly #deps: ServiceAccountAuthenticatorDeps;
  readonly #remembered = new LruCache<Known>(rememberedMax);

  constructor(options: ServiceAccountAuthenticatorOptions, deps: ServiceAccountAuthenticatorDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const known = await this.#known(token);
    if (known === undefined) return undefined;
    const { claims, user } = known;
    const common = audiences.filter((audience) => claims.audiences.includes(audience));
    if (common.length === 0) {
      throw new TokenError(
        `token audiences ${JSON.stringify(claims.audiences)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
      );
    }
    this.#checkDates(claims);
    await this.#checkObjects(claims);
    this.#noteAge(claims);
    return { user, audiences: common };
  }

  async #known(token: string): Promise<Known | undefined> {
    const unverified = readClaims(token);
    if (unverified === undefined || !this.#isOurs(unverified["iss"])) return undefined;
    const digest = createHash("sha256").update(token).digest("base64");
    const remembered = this.#remembered.get(digest);
    if (remembered !== undefined) return remembered;
    const claims = await this.#verify(token);
    const known = { claims, user: userOf(claims) };
    this.#remembered.set(digest, known);
    return known;
  }

  async #verify(token: string): Promise<AccountClaims> {
    try {
      const claims = fromJwtClaims(await verifyJwt(token, this.#deps.keys));
      if (claims === undefined) throw new TokenError("the token's claims aren't a service account's");
      return claims;
    } catch (error) {
      if (error instanceof JwtError) throw new TokenError("invalid signature", { cause: error });
      throw error;
    }
  }

  /** Tokens that are good for longer than their client was told. upstream: --service-account-extend-token-expiration */
  #noteAge({ warnAfter }: AccountClaims): void {
    const { metrics, clock } = this.#deps;
    if (metrics === undefined || warnAfter === undefined) return;
    (clock.now() / 1000 > warnAfter ? metrics.stale : metrics.valid).add();
  }

  #isOurs(issuer: unknown): boolean {
    return typeof issuer === "string" && this.#options.issuers.includes(issuer);
  }

  #checkDates({ expires, notBefore, issuedAt }: AccountClaims): void {
    const now = this.#deps.clock.now() / 1000;
    if (now > expires + leewaySeconds) throw new TokenError("service account token has expired");
    if (now < notBefore - leewaySeconds) throw new TokenError("service account token is not valid yet");
    if (now < issuedAt - leewaySeconds) {
      throw new TokenError("service account token is issued in the future");
    }
  }

  async #checkObjects(claims: AccountClaims): Promise<void> {
    const { namespace, serviceAccount, secret, pod, node } = claims;
    const { objects } = this.#deps;
    const account = await objects.serviceAccount(namespace, serviceAccount.name);
    if (account === undefined || this.#isGone(account)) {
      throw new TokenError(`service account ${namespace}/${serviceAccount.name} has been deleted`);
    }
    const uid = account.metadata?.uid ?? "";
    if (uid !== serviceAccount.uid) {
      throw new TokenError(`service account UID (${uid}) does not match claim (${serviceAccount.uid})`);
    }
    if (secret !== undefined) {
      this.#checkBound("secret", await objects.secret(namespace, secret.name), secret);
    }
    if (pod !== undefined) this.#checkBound("pod", await objects.pod(namespace, pod.name), pod);
    // The node of a bound pod is only told; a node alone is what the token is bound to.
    else if (node !== undefined) this.#checkBound("node", await objects.node(node.name), node);
  }

  #checkBound(kind: string, object: KubeObject | undefined, claim: ObjectClaim): void {
    if (object === undefined || this.#isGone(object)) {
      throw new TokenError("service account token has been invalidated");
    }
    const uid = object.metadata?.uid ?? "";
    if (uid !== claim.uid) {
      throw new TokenError(
        `${kind} UID (${uid}) does not match service account ${kind} ref claim (${claim.uid})`,
      );
    }
  }

  #isGone({ metadata }: KubeObject): boolean {
    const deletion = metadata?.deletionTimestamp;
    return deletion !== undefined && parseTime(deletion) < this.#deps.clock.now() - leewaySeconds * 1000;
  }
}

function userOf(claims: AccountClaims): UserInfo {
  const extra: Record<string, readonly string[]> = {};
  const tell = (key: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") extra[`authentication.kubernetes.io/${key}`] = [value];
  };
  tell("pod-name", claims.pod?.name);
  tell("pod-uid", claims.pod?.uid);
  tell("node-name", claims.node?.name);
  tell("node-uid", claims.node?.uid);
  if (claims.tokenId !== "") extra[credentialIdKey] = [`JTI=${claims.tokenId}`];
  return {
    name: serviceAccountUserName(claims.namespace, claims.serviceAccount.name),
    uid: claims.serviceAccount.uid,
    groups: serviceAccountGroups(claims.namespace),
    extra,
  };
}
