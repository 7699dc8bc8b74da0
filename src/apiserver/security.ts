/** Who may come in, who may do what, and what is looked at before a write: everything wired to the server's own caches. */
import type { Registry } from "prom-client";
import type { Admission } from "./admission/admission.ts";
import { AdmissionChain } from "./admission/chain.ts";
import { defaultPlugins } from "./admission/default-plugins.ts";
import type { PluginSettings } from "./admission/configuration/plugin-settings.ts";
import type { DefaultTolerations } from "./admission/plugins/default-toleration-seconds.ts";
import type { PluginSelection } from "./admission/plugin-selection.ts";
import type { Authenticator } from "./authn/authenticator.ts";
import { BearerTokenAuthenticator, type TokenAuthenticator } from "./authn/bearer-token.ts";
import { BootstrapTokenAuthenticator } from "./authn/bootstrap-token.ts";
import { ConfiguredTokens } from "./authn/configuration/configured.ts";
import { ClientCertificateAuthenticator } from "./authn/client-certificate.ts";
import { RequestHeaderAuthenticator } from "./authn/request-header.ts";
import { ServiceAccountAuthenticator } from "./authn/service-account/authenticator.ts";
import { CachedObjects } from "./authn/service-account/bound-objects.ts";
import type { ServiceAccountOptions } from "./authn/service-account/options.ts";
import { LegacyTokenAuthenticator } from "./authn/service-account/legacy.ts";
import { TokenIssuer } from "./authn/service-account/issuer.ts";
import { UnionAuthenticator } from "./authn/union.ts";
import type { Authorizer } from "./authz/authorizer.ts";
import { ConfiguredAuthorizer } from "./authz/configured.ts";
import type { AuthorizationOptions } from "./authz/configuration/configuration.ts";
import { EscalationGuard } from "./authz/escalation.ts";
import { NodeAuthorizer } from "./authz/node-authorizer.ts";
import { InformerNodeGraph } from "./authz/node-graph.ts";
import { RbacAuthorizer } from "./authz/rbac.ts";
import { InformerRoleReader } from "./authz/role-reader.ts";
import { nodeRules } from "./bootstrap/policy/cluster-roles.ts";
import type { ServedFeatures } from "./served-features.ts";
import type { Expressions } from "#api/expressions.ts";
import type { Secret } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { secrets } from "#api/resources.ts";
import type { MutatingPolicyRefs } from "./admission/policies/mutating-refs.ts";
import type { ObjectTypes } from "./admission/webhooks/object-types.ts";
import { PodSecurityMetrics } from "./metrics/pod-security-metrics.ts";
import { AccountTokenMetrics } from "./metrics/account-token-metrics.ts";
import { IssuerMetrics } from "./metrics/issuer-metrics.ts";
import { AdmissionMetrics } from "./metrics/admission-metrics.ts";
import type { ExpressionTimes } from "./metrics/expression-metrics.ts";
import { MeasuredAuthenticator } from "./metrics/authentication-metrics.ts";
import type { CertificateFaults } from "./connect/server-certificate.ts";
import type { ReviewReader } from "./admission/webhooks/review.ts";
import type { HookClient } from "./connect/hook-client.ts";
import type { RequestHeaderOptions } from "./options.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import type { SigningKey, VerificationKey } from "#pki/jwt.ts";

export interface SecurityOptions {
  readonly clientCaPem: string;
  readonly serviceAccounts: ServiceAccountOptions;
  readonly anonymousAuth: boolean;
  readonly isAnonymousAuthGiven: boolean;
  readonly authorization: AuthorizationOptions;
  /** An AuthenticationConfiguration. */
  readonly authenticationConfig?: string | undefined;
  readonly requestHeader: RequestHeaderOptions;
  readonly admissionPlugins: PluginSelection;
  readonly admissionSettings: PluginSettings;
  readonly tolerations: DefaultTolerations;
}

export interface SecurityDeps {
  readonly registry: Registry;
  readonly serverId: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The server's own client, with all powers. */
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly serviceAccountKey: SigningKey;
  /** Those whose tokens are good, that one among them. */
  readonly serviceAccountKeys: readonly VerificationKey[];
  /** Token files, join tokens: asked before service accounts. */
  readonly tokenAuthenticators: readonly TokenAuthenticator[];
  readonly log: Logger;
  readonly hookClient: HookClient;
  readonly reviews: ReviewReader;
  /** Of webhooks. */
  readonly certificateFaults: CertificateFaults;
  readonly types: ObjectTypes;
  readonly loadExpressions: () => Promise<Expressions>;
  readonly mutatingPolicies: MutatingPolicyRefs | undefined;
  readonly features: ServedFeatures;
}

export interface Security {
  readonly authenticator: Authenticator;
  readonly tokens: BearerTokenAuthenticator;
  readonly authorizer: Authorizer;
  readonly admission: Admission;
  readonly issuer: TokenIssuer;
  /** What expressions of custom resources take is told with what those of policies do. */
  readonly expressionTimes: ExpressionTimes;
  /** Before the first request. Reads what the options name; throws what is wrong with it. Returns what ends its following. */
  load(): Promise<() => void>;
}

/** Makes no request: the informers are started and waited for by the caller. */
export function createSecurity(options: SecurityOptions, deps: SecurityDeps): Security {
  const { informers, client, clock } = deps;
  const metrics = new AdmissionMetrics(deps.registry, clock);
  const objects = new CachedObjects({ informers, client });
  const podSecurity = new PodSecurityMetrics(deps.registry);
  const issuerMetrics = new IssuerMetrics(deps);
  const configured = configuredTokens(options, { ...deps, issuerMetrics });
  for (const each of deps.tokenAuthenticators) {
    each.countFaults?.(deps.certificateFaults);
    each.measureIssuers?.(issuerMetrics);
  }
  const tokens = bearerTokens(options.serviceAccounts, { ...deps, objects, configured });
  const reader = new InformerRoleReader(informers);
  const authorizer = new ConfiguredAuthorizer(options.authorization, {
    ...deps,
    node: new NodeAuthorizer(
      { rules: nodeRules(deps.features), features: deps.features },
      { graph: new InformerNodeGraph(informers, deps.features) },
    ),
    rbac: new RbacAuthorizer(reader),
  });
  const guard = new EscalationGuard({ reader, authorizer });
  const admission = new AdmissionChain(
    defaultPlugins(
      {
        ...deps,
        metrics,
        podSecurity,
        guard,
        authorizer,
        settings: options.admissionSettings,
        tolerations: options.tolerations,
      },
      options.admissionPlugins,
    ),
    { clock, metrics },
  );
  const allowAnonymous = (path: string): boolean =>
    configured?.allowsAnonymous(path) ?? options.anonymousAuth;
  return {
    authenticator: new MeasuredAuthenticator(
      new UnionAuthenticator({ allowAnonymous }, [
        new RequestHeaderAuthenticator(options.requestHeader, { clock }),
        new ClientCertificateAuthenticator({ caPem: options.clientCaPem }, { clock }),
        tokens,
      ]),
      deps,
    ),
    tokens,
    authorizer,
    expressionTimes: metrics.expressions,
    load: async () => {
      await admission.load();
      const stops = [await authorizer.load(), await configured?.load()];
      return () => {
        for (const stop of stops) stop?.();
      };
    },
    admission,
    issuer: tokenIssuer(options.serviceAccounts, objects, deps),
  };
}

interface BearerTokenDeps extends SecurityDeps {
  readonly objects: CachedObjects;
  readonly configured: ConfiguredTokens | undefined;
}

function bearerTokens(
  { apiAudiences, issuers, looksUp }: ServiceAccountOptions,
  deps: BearerTokenDeps,
): BearerTokenAuthenticator {
  const { objects, configured, client, clock } = deps;
  const accountTokens = new AccountTokenMetrics(deps.registry);
  return new BearerTokenAuthenticator({ apiAudiences }, [
    ...deps.tokenAuthenticators,
    ...(configured === undefined ? [] : [configured]),
    new BootstrapTokenAuthenticator(apiAudiences, { clock, secret: (name) => systemSecret(client, name) }),
    new LegacyTokenAuthenticator(
      { apiAudiences, looksUp },
      {
        keys: deps.serviceAccountKeys,
        objects,
        clock,
        log: deps.log,
        label: (secret, labels) => labelSecret(client, secret, labels),
        metrics: accountTokens,
      },
    ),
    new ServiceAccountAuthenticator(
      { issuers },
      { keys: deps.serviceAccountKeys, objects, clock, metrics: accountTokens },
    ),
  ]);
}

function tokenIssuer(
  { issuers: [issuer = ""], apiAudiences, extendsExpiration, tokenSecondsMax }: ServiceAccountOptions,
  objects: CachedObjects,
  { serviceAccountKey: key, clock, random }: SecurityDeps,
): TokenIssuer {
  return new TokenIssuer(
    {
      issuer,
      apiAudiences,
      extendExpiration: extendsExpiration,
      expirationSecondsMax: tokenSecondsMax,
    },
    { key, objects, clock, random },
  );
}

/** --authentication-config */
function configuredTokens(
  { authenticationConfig, serviceAccounts, isAnonymousAuthGiven }: SecurityOptions,
  deps: SecurityDeps & { readonly issuerMetrics: IssuerMetrics },
): ConfiguredTokens | undefined {
  if (authenticationConfig === undefined) return undefined;
  const { apiAudiences, issuers: ownIssuers } = serviceAccounts;
  return new ConfiguredTokens(
    { configFile: authenticationConfig, apiAudiences, ownIssuers, isAnonymousAuthGiven },
    deps,
  );
}

async function labelSecret(
  client: Client,
  { metadata }: Secret,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const { namespace, name = "", uid } = metadata ?? {};
  await client.resource(secrets, namespace).patch(name, "merge", { metadata: { uid, labels } });
}

async function systemSecret(
  client: Client,
  name: string,
): ReturnType<ConstructorParameters<typeof BootstrapTokenAuthenticator>[1]["secret"]> {
  try {
    return await client.resource(secrets, "kube-system").get(name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
