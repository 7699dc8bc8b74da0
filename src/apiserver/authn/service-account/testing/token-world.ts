/** Tokens of one service account, made and judged. Only tests import it. */
import { Registry } from "prom-client";
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import { nodes, pods, secrets, serviceAccounts } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { AccountTokenMetrics } from "#apiserver/metrics/account-token-metrics.ts";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { generateSigningKeyPem, parseSigningKey } from "#pki/jwt.ts";
import { ServiceAccountAuthenticator } from "../authenticator.ts";
import { CachedObjects } from "../bound-objects.ts";
import { TokenIssuer } from "../issuer.ts";

export const issuerName = "https://kubernetes.default.svc.cluster.local";
/** Of the clock, when a world begins. */
export const startSeconds = new ManualClock().now() / 1000;
export const key = parseSigningKey(generateSigningKeyPem());

export interface Setup {
  readonly api: MemoryApi;
  readonly clock: ManualClock;
  readonly issue: (spec: Partial<TokenRequest["spec"]>) => Promise<TokenRequest>;
  readonly authenticator: ServiceAccountAuthenticator;
  readonly metrics: AccountTokenMetrics;
}

/** An account, what its tokens may be bound to, who issues them, and who judges them. */
export function setup(): Setup {
  const api = new MemoryApi();
  const clock = new ManualClock();
  const account = { metadata: { namespace: "a", name: "robot", uid: "sa-uid" } };
  api.seed(serviceAccounts, account);
  api.seed(nodes, { metadata: { name: "n1", uid: "node-uid" } });
  api.seed(secrets, { metadata: { namespace: "a", name: "s", uid: "secret-uid" } });
  for (const [name, serviceAccountName] of [
    ["web", "robot"],
    ["other", "default"],
  ] as const) {
    api.seed(pods, {
      metadata: { namespace: "a", name, uid: `${name}-uid` },
      spec: { serviceAccountName, nodeName: "n1", containers: [] },
    });
  }
  const objects = new CachedObjects({ informers: api, client: api });
  const issuer = new TokenIssuer(
    { issuer: issuerName, apiAudiences: [issuerName, "k3s"], extendExpiration: true },
    { key, objects, clock, random: new SeededRandom(3) },
  );
  const metrics = new AccountTokenMetrics(new Registry());
  return {
    api,
    clock,
    metrics,
    issue: (spec) => issuer.issue(account, { spec: { audiences: [], ...spec } }),
    authenticator: new ServiceAccountAuthenticator(
      { issuers: [issuerName] },
      { keys: [key], objects, clock, metrics },
    ),
  };
}

/** Of that account, on a node. */
export const pod = { apiVersion: "v1", kind: "Pod", name: "web" };
export const tokenOf = ({ status }: TokenRequest): string => status?.token ?? "";
