/** Users by tokens of the issuers that a followed AuthenticationConfiguration names, and who needs none. upstream: pkg/kubeapiserver/options/authentication.go */
import type { Registry } from "prom-client";
import type { Expressions } from "#api/expressions.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { ConfigurationFile } from "#apiserver/config-file/configuration-file.ts";
import type { IssuerMetrics } from "#apiserver/metrics/issuer-metrics.ts";
import { ReloadMetrics } from "#apiserver/metrics/reload-metrics.ts";
import { firstAnswer, type TokenAnswer, type TokenAuthenticator } from "../bearer-token.ts";
import { OidcAuthenticator } from "../oidc/authenticator.ts";
import { authenticationShape, type GivenAuthentication } from "./given.ts";
import { mapUser, type UserMapping } from "./mapping.ts";
import { parseAuthentication, type AnonymousRule } from "./parse.ts";

export interface ConfiguredTokensOptions {
  readonly configFile: string;
  readonly apiAudiences: readonly string[];
  /** Of service account tokens. */
  readonly ownIssuers: readonly string[];
  /** --anonymous-auth was given: the configuration must not speak of it, too. */
  readonly isAnonymousAuthGiven: boolean;
}

export interface ConfiguredTokensDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly loadExpressions: () => Promise<Expressions>;
  readonly registry: Registry;
  readonly serverId: string;
  readonly issuerMetrics?: IssuerMetrics | undefined;
}

const signingAlgs = ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

export class ConfiguredTokens implements TokenAuthenticator {
  readonly #options: ConfiguredTokensOptions;
  readonly #deps: ConfiguredTokensDeps;
  readonly #metrics: IssuerMetrics | undefined;
  #members: readonly OidcAuthenticator[] = [];
  #anonymous: AnonymousRule;
  /** The rule of the first configuration, as text: a later one can't have another. */
  #firstAnonymous: string | undefined;

  constructor(options: ConfiguredTokensOptions, deps: ConfiguredTokensDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#metrics = deps.issuerMetrics;
  }

  /** Whether requests without credentials may go to this path; undefined: the configuration doesn't say. */
  allowsAnonymous(path: string): boolean | undefined {
    const rule = this.#anonymous;
    return rule === undefined ? undefined : rule.enabled && (rule.paths?.has(path) ?? true);
  }

  /** Each issuer's tokens are looked at by its own member. */
  authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    return firstAnswer(this.#members, token, audiences);
  }

  /** Returns what ends the following of the file. Throws ConfigurationError. */
  async load(): Promise<() => void> {
    const file = new ConfigurationFile<GivenAuthentication>(
      this.#options.configFile,
      { kind: "AuthenticationConfiguration", shape: authenticationShape, take: (given) => this.#take(given) },
      { ...this.#deps, metrics: new ReloadMetrics("authentication", this.#deps) },
    );
    await file.load();
    return file.follow();
  }

  async #take(given: GivenAuthentication): Promise<readonly string[]> {
    const { apiAudiences, ownIssuers } = this.#options;
    const { loadExpressions } = this.#deps;
    const parsed = await parseAuthentication(given, { disallowedIssuers: ownIssuers, loadExpressions });
    const faults = [...parsed.faults, ...this.#anonymousFaults(given)];
    if (faults.length > 0) return faults;
    this.#firstAnonymous ??= anonymousText(given);
    this.#anonymous = parsed.anonymous;
    this.#members = parsed.issuers.map(
      ({ mapping, ...issuer }) =>
        new OidcAuthenticator(
          {
            ...issuer,
            apiAudiences,
            signingAlgs,
            distributedClaim: groupsClaimOf(mapping),
            userOf: (claims) => mapUser(claims, mapping),
          },
          { clock: this.#deps.clock, metrics: this.#metrics },
        ),
    );
    return [];
  }

  #anonymousFaults(given: GivenAuthentication): readonly string[] {
    if (this.#firstAnonymous === undefined) {
      return given.anonymous === undefined || !this.#options.isAnonymousAuthGiven ? [] : [givenTwice];
    }
    return this.#firstAnonymous === anonymousText(given)
      ? []
      : ["anonymous: Forbidden: changed from initial configuration file"];
  }
}

const givenTwice =
  "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file";

function anonymousText({ anonymous }: GivenAuthentication): string {
  if (anonymous === undefined) return "";
  const { enabled = false, conditions = [] } = anonymous;
  return JSON.stringify({ enabled, paths: conditions.map(({ path = "" }) => path) });
}

/** Only a claim that is taken as it is may be elsewhere: expressions see the token's own. */
const groupsClaimOf = ({ groups }: UserMapping): string | undefined =>
  groups !== undefined && "claim" in groups ? groups.claim : undefined;
