/** The authorizers that the server was told to ask. upstream: pkg/kubeapiserver/authorizer */
import { readFile } from "node:fs/promises";
import type { Registry } from "prom-client";
import type { Expressions } from "#api/expressions.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { ConfigurationFile } from "#apiserver/config-file/configuration-file.ts";
import { AuthorizerMetrics, CountedAuthorizer } from "#apiserver/metrics/authorizer-metrics.ts";
import { ReloadMetrics } from "#apiserver/metrics/reload-metrics.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import { AbacAuthorizer } from "./abac/authorizer.ts";
import { parsePolicyFile } from "./abac/policy-file.ts";
import { AlwaysAllowAuthorizer, AlwaysDenyAuthorizer } from "./always.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "./authorizer.ts";
import type {
  AuthorizationOptions,
  AuthorizerSpec,
  BuiltinAuthorizer,
} from "./configuration/configuration.ts";
import { authorizationShape, parseAuthorization, type GivenAuthorization } from "./configuration/parse.ts";
import { PrivilegedGroupAuthorizer, UnionAuthorizer } from "./union.ts";
import { matcherOf } from "./webhook/conditions.ts";
import { WebhookAuthorizer } from "./webhook/authorizer.ts";

export interface ConfiguredAuthorizerDeps {
  readonly node: Authorizer;
  readonly rbac: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly loadExpressions: () => Promise<Expressions>;
  readonly registry: Registry;
  readonly serverId: string;
  /** Of webhooks. */
  readonly certificateFaults?: CertificateFaults | undefined;
}

type Builtin = Extract<AuthorizerSpec, { readonly type: BuiltinAuthorizer }>;

/** What keeps state of its own. */
const madeAtStart: readonly BuiltinAuthorizer[] = ["Node", "RBAC", "ABAC"];

/** Until it is loaded, only system:masters may do something. */
export class ConfiguredAuthorizer implements Authorizer {
  readonly #options: AuthorizationOptions;
  readonly #deps: ConfiguredAuthorizerDeps;
  readonly #metrics: AuthorizerMetrics;
  #current = new UnionAuthorizer([new PrivilegedGroupAuthorizer()]);
  /** Of the first configuration's file. Undefined: none was loaded yet. */
  #startedWith: ReadonlySet<BuiltinAuthorizer> | undefined;
  #abac: Authorizer | undefined;

  constructor(options: AuthorizationOptions, deps: ConfiguredAuthorizerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#metrics = new AuthorizerMetrics(deps.registry);
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    return this.#current.authorize(attributes);
  }

  rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    return this.#current.rulesFor(user, namespace);
  }

  /** Returns what ends the following of a configuration's file. Throws ConfigurationError and KubeconfigError. */
  async load(): Promise<() => void> {
    if ("authorizers" in this.#options) {
      this.#current = await this.#build(this.#options.authorizers);
      return () => undefined;
    }
    const file = new ConfigurationFile<GivenAuthorization>(
      this.#options.configFile,
      { kind: "AuthorizationConfiguration", shape: authorizationShape, take: (given) => this.#take(given) },
      { ...this.#deps, metrics: new ReloadMetrics("authorization", this.#deps) },
    );
    await file.load();
    return file.follow();
  }

  async #take(given: GivenAuthorization): Promise<readonly string[]> {
    const { authorizers, faults } = await parseAuthorization(given, this.#deps.loadExpressions);
    if (faults.length > 0) return faults;
    const builtins = authorizers.filter((spec) => spec.type !== "Webhook");
    const others = [...nameFaults(builtins), ...this.#changeFaults(builtins)];
    if (others.length > 0) return others;
    this.#current = await this.#build(authorizers);
    this.#startedWith ??= new Set(builtins.map(({ type }) => type));
    return [];
  }

  /** Webhooks come and go; the others are those of the start. */
  #changeFaults(builtins: readonly Builtin[]): readonly string[] {
    if (this.#startedWith === undefined) return [];
    const started = this.#startedWith;
    const given = new Set(builtins.map(({ type }) => type));
    const missing = [...started].filter((type) => !given.has(type)).toSorted();
    const late = [...given].filter((type) => !started.has(type) && madeAtStart.includes(type));
    return [
      ...(missing.length === 0 ? [] : [`missing required types: [${missing.join(" ")}]`]),
      ...late.map(
        (type) => `authorizer type ${type} is not allowed if it was not enabled at initial server startup`,
      ),
    ];
  }

  /** Once: the policies are those of the start. */
  async #readPolicies(): Promise<Authorizer> {
    const { policyFile = "" } = this.#options;
    const { policies, unversionedCount } = parsePolicyFile(policyFile, await readFile(policyFile, "utf8"));
    if (unversionedCount > 0) {
      this.#deps.log.warn("policies without a version in the policy file", {
        path: policyFile,
        count: unversionedCount,
      });
    }
    return new AbacAuthorizer(policies);
  }

  async #build(specs: readonly AuthorizerSpec[]): Promise<UnionAuthorizer> {
    const authorizers = await Promise.all(
      specs.map(async (spec) => new CountedAuthorizer(await this.#authorizer(spec), spec, this.#metrics)),
    );
    return new UnionAuthorizer([new PrivilegedGroupAuthorizer(), ...authorizers]);
  }

  async #authorizer(spec: AuthorizerSpec): Promise<Authorizer> {
    switch (spec.type) {
      case "Node":
        return this.#deps.node;
      case "RBAC":
        return this.#deps.rbac;
      case "ABAC":
        return (this.#abac ??= await this.#readPolicies());
      case "AlwaysAllow":
        return new AlwaysAllowAuthorizer();
      case "AlwaysDeny":
        return new AlwaysDenyAuthorizer();
      case "Webhook": {
        const { kubeConfigFile, matchConditions, ...options } = spec.webhook;
        const { clock } = this.#deps;
        const metrics = this.#metrics;
        const hook = new KubeconfigHook(
          await loadKubeconfig(kubeConfigFile, clock),
          clock,
          this.#deps.certificateFaults,
        );
        const matches =
          matchConditions.length === 0
            ? undefined
            : matcherOf(matchConditions, await this.#deps.loadExpressions());
        return new WebhookAuthorizer(
          { ...options, name: spec.name },
          { ...this.#deps, hook, matches, metrics },
        );
      }
    }
  }
}

/** Only webhooks have names of their own. upstream: pkg/kubeapiserver/authorizer/config.go */
function nameFaults(builtins: readonly Builtin[]): readonly string[] {
  return builtins.flatMap(({ type, name }) =>
    name === type.toLowerCase()
      ? []
      : [`expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`],
  );
}
