/**
 * The public keys of an issuer of tokens: found by its discovery document when the first token comes, and asked for
 * again when a token names a key that isn't among them. upstream: coreos/go-oidc jwks.go
 */
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet } from "jose";
import { isMap, type JsonMap } from "#api/patch/json-value.ts";
import type { Clock } from "#base/clock.ts";
import type { IssuerMetrics } from "#apiserver/metrics/issuer-metrics.ts";
import { fetchText } from "./fetch.ts";

export interface KeySetOptions {
  readonly issuerUrl: string;
  /** Of the discovery document, where the issuer has it elsewhere. */
  readonly discoveryUrl?: string | undefined;
  /** Undefined: the authorities that this machine trusts. */
  readonly caPem: string | undefined;
}

export class KeySetError extends Error {
  override readonly name = "KeySetError";
  readonly code = "KEY_SET";
}

export type Keys = ReturnType<typeof createLocalJWKSet>;

/** Tokens with made-up key names don't make us ask the issuer each time. */
const refetchMs = 10_000;

export class IssuerKeySet {
  readonly #options: KeySetOptions;
  readonly #clock: Clock;
  #metrics: Pick<IssuerMetrics, "fetched"> | undefined;
  #keys: { readonly set: Keys; readonly ids: ReadonlySet<unknown>; readonly at: number } | undefined;
  #fetching: Promise<void> | undefined;

  constructor(options: KeySetOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** From now on it is told there when they were asked for. */
  measure(metrics: Pick<IssuerMetrics, "fetched">): void {
    this.#metrics = metrics;
  }

  /** Keys to verify this token with. Throws KeySetError when they can't be had. */
  async keysFor(token: string): Promise<Keys> {
    const { kid } = decodeProtectedHeader(token);
    const known = this.#keys;
    if (known === undefined || (this.#mayAskAgain && !known.ids.has(kid))) await this.#refresh();
    const { set } = this.#keys ?? known ?? {};
    if (set === undefined) throw new KeySetError("the issuer has no keys");
    return set;
  }

  /** Those of now, for a token that those known don't fit: others may be called the same. Undefined: it was asked just before. */
  async others(): Promise<Keys | undefined> {
    if (!this.#mayAskAgain) return undefined;
    await this.#refresh();
    return this.#keys?.set;
  }

  get #mayAskAgain(): boolean {
    return this.#keys !== undefined && this.#clock.monotonic() >= this.#keys.at + refetchMs;
  }

  /** Of several at once one asks. */
  async #refresh(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { issuerUrl } = this.#options;
    let text: string | undefined;
    try {
      text = await this.#fetchText();
    } finally {
      this.#metrics?.fetched(issuerUrl, text, this.#clock.now());
    }
  }

  /** The keys' document. */
  async #fetchText(): Promise<string> {
    const { issuerUrl, discoveryUrl } = this.#options;
    const { value: about } = await this.#json(
      discoveryUrl ?? `${issuerUrl.replace(/\/$/, "")}/.well-known/openid-configuration`,
    );
    const { issuer, jwks_uri: uri } = about;
    if (issuer !== issuerUrl) {
      throw new KeySetError(
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(issuerUrl)} got ${JSON.stringify(issuer)}`,
      );
    }
    if (typeof uri !== "string") throw new KeySetError("oidc: the provider names no jwks_uri");
    const { text, value } = await this.#json(uri);
    // Throws where it isn't what it is taken for.
    const set = createLocalJWKSet(value as unknown as JSONWebKeySet);
    const ids = new Set(set.jwks().keys.map(({ kid }) => kid));
    this.#keys = { set, ids, at: this.#clock.monotonic() };
    return text;
  }

  async #json(url: string): Promise<{ readonly text: string; readonly value: JsonMap }> {
    try {
      const { status, body } = await fetchText(url, this.#options, this.#clock);
      if (status !== 200) throw new Error(`${status}: ${body.slice(0, 500)}`);
      const value: unknown = JSON.parse(body);
      if (!isMap(value)) throw new Error("it is no object");
      return { text: body, value };
    } catch (error) {
      throw new KeySetError(
        `oidc: fetching ${url}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }
}
