/**
 * A claim that a token has elsewhere: it names a source, which is asked for a token of its own that has the claim.
 * Claims that come along in a token of another issuer, aggregated ones, are none here, as upstream has it.
 * upstream: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go claimResolver; OpenID Connect Core 1.0, 5.6.2
 */
import { ownValue } from "#base/own-value.ts";
import { errorText } from "#base/log.ts";
import type { Clock } from "#base/clock.ts";
import { readClaims, type Claims } from "#pki/jwt.ts";
import { LruCache } from "#pki/lru.ts";
import { fetchText } from "./fetch.ts";
import { TokenVerifier, type VerifierOptions } from "./verifier.ts";

export class DistributedClaimError extends Error {
  override readonly name = "DistributedClaimError";
  readonly code = "DISTRIBUTED_CLAIM";
}

interface Source {
  readonly endpoint: string;
  readonly accessToken: string;
}

/** Issuers of such tokens whose keys are kept. */
const issuersMax = 32;

export class DistributedClaim {
  readonly #claim: string;
  readonly #options: VerifierOptions;
  readonly #clock: Clock;
  readonly #verifiers = new LruCache<TokenVerifier>(issuersMax);

  /** `options`: of the issuer whose tokens name the sources. */
  constructor(claim: string, options: VerifierOptions, clock: Clock) {
    this.#claim = claim;
    this.#options = options;
    this.#clock = clock;
  }

  /** The claims with this one among them, if it can be found. Throws DistributedClaimError. */
  async expand(claims: Claims): Promise<Claims> {
    if (Object.hasOwn(claims, this.#claim)) return claims;
    const source = sourceOf(claims, this.#claim);
    return source === undefined ? claims : { ...claims, [this.#claim]: await this.#resolve(source) };
  }

  async #resolve({ endpoint, accessToken }: Source): Promise<unknown> {
    const claim = this.#claim;
    const token = await this.#fetch(endpoint, accessToken);
    const issuer = readClaims(token)?.["iss"];
    if (typeof issuer !== "string") {
      throw new DistributedClaimError(
        `getting untrusted issuer from endpoint ${endpoint} failed for claim ${JSON.stringify(claim)}: malformed token`,
      );
    }
    const claims = await this.#verified(issuer, token);
    if (!Object.hasOwn(claims, claim)) {
      throw new DistributedClaimError(
        `jwt returned by distributed claim endpoint ${endpoint} did not contain claim: ${claim}`,
      );
    }
    return claims[claim];
  }

  async #fetch(endpoint: string, accessToken: string): Promise<string> {
    const { caPem } = this.#options;
    const bearerToken = accessToken === "" ? undefined : accessToken;
    try {
      const { status, body } = await fetchText(endpoint, { caPem, bearerToken }, this.#clock);
      if (status >= 200 && status <= 226) return body.trim();
      throw new Error(`error while getting distributed claim JWT: ${status}`);
    } catch (error) {
      throw new DistributedClaimError(
        `while getting distributed claim ${JSON.stringify(this.#claim)}: ${errorText(error)}`,
      );
    }
  }

  async #verified(issuerUrl: string, token: string): Promise<Claims> {
    let verifier = this.#verifiers.get(issuerUrl);
    if (verifier === undefined) {
      const isOwn = issuerUrl === this.#options.issuerUrl;
      const discoveryUrl = isOwn ? this.#options.discoveryUrl : undefined;
      verifier = new TokenVerifier({ ...this.#options, issuerUrl, discoveryUrl }, this.#clock);
      this.#verifiers.set(issuerUrl, verifier);
    }
    try {
      return await verifier.claimsOf(token);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DistributedClaimError(`verify distributed claim token: ${reason}`);
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Undefined: the token names none for it, or none that can be asked. */
function sourceOf(claims: Claims, claim: string): Source | undefined {
  if (!Object.hasOwn(claims, "_claim_names")) return undefined;
  const names = fieldsOf(claims["_claim_names"]);
  if (names === undefined) {
    throw new DistributedClaimError("oidc: error parsing distributed claim names: must be an object");
  }
  if (!Object.hasOwn(claims, "_claim_sources")) throw new DistributedClaimError("oidc: no claim sources");
  const sources = fieldsOf(claims["_claim_sources"]);
  if (sources === undefined) {
    throw new DistributedClaimError("oidc: could not parse claim sources: must be an object");
  }
  const name = ownValue(names, claim);
  if (typeof name !== "string") return undefined;
  const source = Object.hasOwn(sources, name) ? fieldsOf(sources[name]) : undefined;
  if (source === undefined) {
    throw new DistributedClaimError(
      `id token _claim_names contained a source ${name} missing in _claims_sources`,
    );
  }
  const { endpoint, access_token: accessToken } = source;
  if (typeof endpoint !== "string" || endpoint === "") return undefined;
  return { endpoint, accessToken: typeof accessToken === "string" ? accessToken : "" };
}

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
