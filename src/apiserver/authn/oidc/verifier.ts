/** Whether an issuer signed a token, for somebody we know, and whether it lasts. upstream: coreos/go-oidc verify.go */
import type { IssuerMetrics } from "#apiserver/metrics/issuer-metrics.ts";
import { compactVerify, errors } from "jose";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Claims } from "#pki/jwt.ts";
import { IssuerKeySet, KeySetError, type Keys, type KeySetOptions } from "./key-set.ts";

export interface VerifierOptions extends KeySetOptions {
  /** A token is meant for one of them. */
  readonly audiences: readonly string[];
  readonly signingAlgs: readonly string[];
}

export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly code = "VERIFICATION";
}

/** As Go's %q writes a list. */
const quoteList = (list: readonly unknown[]): string =>
  `[${list.map((each) => JSON.stringify(each)).join(" ")}]`;

/** go-oidc allows this much for "not before" only. */
const notBeforeLeewaySeconds = 300;

function unlessUnsigned(error: unknown): undefined {
  if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
}

export class TokenVerifier {
  readonly #options: VerifierOptions;
  readonly #clock: Clock;
  readonly #keys: IssuerKeySet;

  /** Asks nobody yet: the issuer may be one of this very cluster. */
  constructor(options: VerifierOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#keys = new IssuerKeySet(options, clock);
  }

  /** From now on it is told there when keys were asked for. */
  measure(metrics: Pick<IssuerMetrics, "fetched">): void {
    this.#keys.measure(metrics);
  }

  /** Of a token that names this issuer. Throws VerificationError. */
  async claimsOf(token: string): Promise<Claims> {
    try {
      const payload = await this.#payloadOf(token);
      const claims = JSON.parse(Buffer.from(payload).toString("utf8")) as Claims;
      this.#check(claims);
      return claims;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof KeySetError) {
        throw new VerificationError(error.message, { cause: error });
      }
      throw error;
    }
  }

  async #payloadOf(token: string): Promise<Uint8Array> {
    try {
      return await this.#verified(token, await this.#keys.keysFor(token));
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      const keys = await this.#keys.others();
      if (keys === undefined) throw error;
      return this.#verified(token, keys);
    }
  }

  /** By any of the keys that are called as the token says, or by any at all where it doesn't say. */
  async #verified(token: string, keys: Keys): Promise<Uint8Array> {
    const options = { algorithms: [...this.#options.signingAlgs] };
    try {
      return (await compactVerify(token, keys, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      for await (const key of error) {
        const found = await compactVerify(token, key, options).catch(unlessUnsigned);
        if (found !== undefined) return found.payload;
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  /** In go-oidc's order and words. */
  #check({ aud, exp, nbf }: Claims): void {
    const wanted = this.#options.audiences;
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    const now = this.#clock.now() / 1000;
    if (!wanted.some((audience) => audiences.includes(audience))) {
      const expected = wanted.length === 1 ? JSON.stringify(wanted[0]) : `in ${quoteList(wanted)}`;
      throw new VerificationError(`oidc: expected audience ${expected} got ${quoteList(audiences)}`);
    }
    if (typeof exp !== "number" || now > exp) {
      const expiry = typeof exp === "number" ? toRfc3339(exp * 1000) : "none";
      throw new VerificationError(`oidc: token is expired (Token Expiry: ${expiry})`);
    }
    if (typeof nbf === "number" && now + notBeforeLeewaySeconds < nbf) {
      const [at, from] = [toRfc3339(now * 1000), toRfc3339(nbf * 1000)];
      throw new VerificationError(`oidc: current time ${at} before the nbf (not before) time: ${from}`);
    }
  }
}
