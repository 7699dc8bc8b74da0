/** Who one is, what he may, and what becomes of what he writes: everything a server needs of these, put together. */
import { Registry } from "prom-client";
import { aborted } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Admission } from "#apiserver/admission/admission.ts";
import { AdmissionChain } from "#apiserver/admission/chain.ts";
import { defaultPlugins, type DefaultPluginsDeps } from "#apiserver/admission/default-plugins.ts";
import { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";
import { type Authenticator, type UserInfo } from "#apiserver/authn/authenticator.ts";
import { BearerTokenAuthenticator, type TokenAuthenticator } from "#apiserver/authn/bearer-token.ts";
import { BootstrapTokenAuthenticator } from "#apiserver/authn/bootstrap-token.ts";
import { ClientCertificateAuthenticator } from "#apiserver/authn/client-certificate.ts";
import { JoinTokens, type JoinAccount } from "#apiserver/authn/join-tokens.ts";
import { ServiceAccountAuthenticator } from "#apiserver/authn/service-account/authenticator.ts";
import { CachedObjects } from "#apiserver/authn/service-account/bound-objects.ts";
import {
  discoveryDocument,
  type DiscoveryDocument,
  type DiscoveryOptions,
} from "#apiserver/authn/service-account/discovery.ts";
import { TokenIssuer } from "#apiserver/authn/service-account/issuer.ts";
import { TokenFileAuthenticator } from "#apiserver/authn/token-file.ts";
import { UnionAuthenticator } from "#apiserver/authn/union.ts";
import { ClusterRoleAggregator } from "#apiserver/authz/aggregation.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { EscalationGuard } from "#apiserver/authz/escalation.ts";
import { NodeAuthorizer } from "#apiserver/authz/node-authorizer.ts";
import { InformerNodeGraph } from "#apiserver/authz/node-graph.ts";
import { RbacAuthorizer } from "#apiserver/authz/rbac.ts";
import { InformerRoleReader } from "#apiserver/authz/role-reader.ts";
import { PrivilegedGroupAuthorizer, UnionAuthorizer } from "#apiserver/authz/union.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import type { SigningKey, VerificationKey } from "#pki/jwt.ts";
import { bootstrap } from "./bootstrap.ts";
import { defaultClusterRoleBindings, nodeRules } from "./policy/cluster-roles.ts";

export interface AccessControlOptions {
  /** PEM of the authorities whose client certificates are trusted. */
  readonly clientCaPem: string;
  readonly allowAnonymous: boolean;
  /** The first is put into new tokens, all are accepted. */
  readonly serviceAccountIssuers: readonly [string, ...string[]];
  readonly serviceAccountKey: SigningKey;
  /** Keys of former days, whose tokens are still good. */
  readonly formerServiceAccountKeys: readonly VerificationKey[];
  /** By default the issuers. */
  readonly apiAudiences?: readonly string[] | undefined;
  readonly extendTokenExpiration: boolean;
  /** Where the keys of service account tokens can be had: "https://<advertised address>/openid/v1/jwks". */
  readonly jwksUri: string;
  /** From --token-auth-file, by token. */
  readonly staticTokens: ReadonlyMap<string, UserInfo>;
  readonly joinAccounts: readonly JoinAccount[];
}

export interface AccessControlDeps extends Pick<
  DefaultPluginsDeps,
  "hookClient" | "types" | "loadExpressions"
> {
  /** Into this server, with all powers (OwnDoor). */
  readonly client: Client;
  /** Over that client; started by whoever made it, once the server stands. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What the server's own client is. */
export const loopbackUser: UserInfo = { name: "system:apiserver", groups: ["system:masters"] };

export class AccessControl {
  readonly authenticator: Authenticator;
  /** For TokenReview. */
  readonly tokens: BearerTokenAuthenticator;
  readonly joinTokens: JoinTokens;
  readonly authorizer: Authorizer;
  readonly admission: Admission;
  /** For serviceaccounts/token. */
  readonly issuer: TokenIssuer;
  readonly #discovery: DiscoveryOptions;
  readonly #deps: AccessControlDeps;
  readonly #roles: InformerRoleReader;
  readonly #aggregator: ClusterRoleAggregator;

  constructor(options: AccessControlOptions, deps: AccessControlDeps) {
    const apiAudiences = options.apiAudiences ?? options.serviceAccountIssuers;
    const objects = new CachedObjects(deps);
    this.#deps = deps;
    this.#discovery = {
      issuer: options.serviceAccountIssuers[0],
      jwksUri: options.jwksUri,
      keys: [options.serviceAccountKey, ...options.formerServiceAccountKeys],
    };
    this.joinTokens = new JoinTokens(options.joinAccounts, apiAudiences);
    this.tokens = new BearerTokenAuthenticator(
      { apiAudiences },
      this.#tokenKinds(options, apiAudiences, objects),
    );
    this.authenticator = new UnionAuthenticator({ allowAnonymous: () => options.allowAnonymous }, [
      new ClientCertificateAuthenticator({ caPem: options.clientCaPem }, deps),
      this.tokens,
    ]);
    this.#roles = new InformerRoleReader(deps.informers);
    this.authorizer = new UnionAuthorizer([
      new PrivilegedGroupAuthorizer(),
      new NodeAuthorizer({ rules: nodeRules }, { graph: new InformerNodeGraph(deps.informers) }),
      new RbacAuthorizer(this.#roles),
    ]);
    const guard = new EscalationGuard({ reader: this.#roles, authorizer: this.authorizer });
    const metrics = new AdmissionMetrics(new Registry());
    this.admission = new AdmissionChain(
      defaultPlugins({ ...deps, metrics, authorizer: this.authorizer, guard }),
      { ...deps, metrics },
    );
    this.issuer = new TokenIssuer(
      {
        issuer: options.serviceAccountIssuers[0],
        apiAudiences,
        extendExpiration: options.extendTokenExpiration,
      },
      { ...deps, key: options.serviceAccountKey, objects },
    );
    this.#aggregator = new ClusterRoleAggregator(deps);
  }

  /** What is served at /.well-known/openid-configuration and /openid/v1/jwks. */
  discovery(path: string): DiscoveryDocument | undefined {
    return discoveryDocument(path, this.#discovery);
  }

  /** The most frequent kind first. */
  #tokenKinds(
    options: AccessControlOptions,
    apiAudiences: readonly string[],
    objects: CachedObjects,
  ): TokenAuthenticator[] {
    return [
      new ServiceAccountAuthenticator(
        { issuers: options.serviceAccountIssuers },
        { keys: this.#discovery.keys, objects, clock: this.#deps.clock },
      ),
      new TokenFileAuthenticator(options.staticTokens, apiAudiences),
      this.joinTokens,
      new BootstrapTokenAuthenticator(apiAudiences, {
        clock: this.#deps.clock,
        secret: (name) => objects.secret("kube-system", name),
      }),
    ];
  }

  /**
   * Makes sure of the default policy, calls `ready` when it is in effect, and keeps aggregated roles up to date
   * until the signal aborts. Call it when the door is open and the informers are started.
   */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    await Promise.all([bootstrap(this.#deps.client, signal), this.#deps.informers.waitForSync(signal)]);
    await this.#untilEffective(signal);
    ready();
    await this.#aggregator.run(signal);
  }

  /** The caches hear of what was written a moment after. */
  async #untilEffective(signal: AbortSignal): Promise<void> {
    const wanted = defaultClusterRoleBindings().map(({ metadata }) => metadata?.name);
    const stopped = aborted(signal);
    for (;;) {
      signal.throwIfAborted();
      const change = this.#roles.nextChange;
      const there = new Set(this.#roles.clusterRoleBindings().map(({ metadata }) => metadata?.name));
      const roles = new Set(this.#roles.clusterRoles().map(({ metadata }) => metadata?.name));
      if (wanted.every((name) => there.has(name) && roles.has(name))) return;
      await Promise.race([change, stopped]);
    }
  }
}
