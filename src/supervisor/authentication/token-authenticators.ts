/** Kinds of bearer tokens that the command line asks for. */
import type { TokenAuthenticator } from "#apiserver/authn/bearer-token.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { userOfClaims } from "#apiserver/authn/oidc/claims.ts";
import type { Claims } from "#pki/jwt.ts";
import { OidcAuthenticator } from "#apiserver/authn/oidc/authenticator.ts";
import { parseTokenFile, TokenFileAuthenticator } from "#apiserver/authn/token-file.ts";
import { WebhookTokenAuthenticator } from "#apiserver/authn/webhook-token.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import { readTextIfExists } from "#base/files.ts";
import type { Host } from "../host.ts";
import type { ServerOptions } from "../options.ts";

type Options = Pick<ServerOptions, "tokenAuthFile" | "oidc" | "tokenWebhook" | "serviceAccounts">;

export async function tokenAuthenticatorsOf(
  { tokenAuthFile, oidc, tokenWebhook, serviceAccounts }: Options,
  { log, clock, random }: Pick<Host, "log" | "clock" | "random">,
): Promise<TokenAuthenticator[]> {
  const { apiAudiences } = serviceAccounts;
  const authenticators: TokenAuthenticator[] = [];
  if (tokenAuthFile !== undefined) {
    const text = await contentOf("token-auth-file", tokenAuthFile);
    authenticators.push(new TokenFileAuthenticator(parseTokenFile(tokenAuthFile, text, log), apiAudiences));
  }
  if (oidc !== undefined) {
    const { caFile } = oidc;
    const caPem = caFile === undefined ? undefined : await contentOf("oidc-ca-file", caFile);
    const mapping = {
      ...oidc,
      apiAudiences,
      audiences: [oidc.clientId],
      caPem,
      distributedClaim: oidc.groupsClaim,
    };
    const userOf = (claims: Claims): UserInfo => userOfClaims(claims, oidc);
    authenticators.push(new OidcAuthenticator({ ...mapping, userOf }, { clock }));
  }
  if (tokenWebhook !== undefined) {
    const access = await loadKubeconfig(tokenWebhook.configFile, clock);
    const hook = new KubeconfigHook(access, clock);
    authenticators.push(
      new WebhookTokenAuthenticator({ ...tokenWebhook, apiAudiences }, { hook, clock, random }),
    );
  }
  return authenticators;
}

async function contentOf(flag: string, path: string): Promise<string> {
  const text = await readTextIfExists(path);
  if (text === undefined) throw new Error(`--${flag} is ${path}, which does not exist`);
  return text;
}
