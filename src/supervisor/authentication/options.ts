/** --oidc-*: whose ID tokens are believed, and which users they name; --authentication-token-webhook-*: who else judges tokens. upstream: pkg/kubeapiserver/options/authentication.go */
import { resolve } from "node:path";
import type { OptionSpec } from "#base/options.ts";

export interface OidcFlags {
  readonly issuerUrl: string;
  readonly clientId: string;
  readonly caFile: string | undefined;
  readonly usernameClaim: string;
  readonly usernamePrefix: string;
  readonly groupsClaim: string | undefined;
  readonly groupsPrefix: string;
  readonly requiredClaims: Readonly<Record<string, string>>;
  readonly signingAlgs: readonly string[];
}

const oidc = (name: string, placeholder: string, text: string, defaultText?: string): OptionSpec => ({
  name: `oidc-${name}`,
  type: name === "required-claim" || name === "signing-algs" ? "list" : "string",
  placeholder,
  group: "cluster",
  text,
  ...(defaultText === undefined ? {} : { defaultText }),
});

const webhook = (name: string, placeholder: string, text: string, defaultText?: string): OptionSpec => ({
  name: `authentication-token-webhook-${name}`,
  type: "string",
  placeholder,
  group: "cluster",
  text,
  ...(defaultText === undefined ? {} : { defaultText }),
});

/** The names are upstream's. */
export const authenticationSpecs: readonly OptionSpec[] = [
  {
    name: "anonymous-auth",
    type: "boolean",
    group: "cluster",
    text: "Requests without credentials are system:anonymous's, and not refused",
    defaultText: "true; false with --authorization-mode AlwaysAllow",
  },
  oidc("issuer-url", "URL", "OpenID Connect provider whose ID tokens name users; https"),
  oidc("client-id", "ID", "Whom those tokens must be meant for"),
  oidc("ca-file", "FILE", "CA of the provider's certificate", "those of this machine"),
  oidc("username-claim", "CLAIM", "Claim that is the user's name", "sub"),
  oidc(
    "username-prefix",
    "TEXT",
    "What comes before the name; -: nothing",
    "the issuer and #, nothing for email",
  ),
  oidc("groups-claim", "CLAIM", "Claim that is the user's groups"),
  oidc("groups-prefix", "TEXT", "What comes before each group"),
  oidc("required-claim", "KEY=VALUE", "A claim that must be there with this value"),
  oidc("signing-algs", "ALG", "Algorithms that tokens may be signed with", "RS256"),
  {
    name: "authentication-config",
    type: "string",
    placeholder: "FILE",
    group: "cluster",
    text: "AuthenticationConfiguration: whose tokens are believed, instead of --oidc-*; followed",
  },
  webhook("config-file", "FILE", "Kubeconfig of a server that judges bearer tokens"),
  webhook("version", "VERSION", "Of the TokenReviews that it is sent: v1 or v1beta1", "v1beta1"),
  webhook("cache-ttl", "DURATION", "How long its answers hold", "2m"),
];

export interface TokenWebhookFlags {
  readonly configFile: string;
  readonly version: "v1" | "v1beta1";
  readonly cacheMs: number;
}

interface Values {
  duration(name: string, fallbackMs: number, leastMs: number): number;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  readonly faults: string[];
}

/** upstream: --authentication-token-webhook-cache-ttl */
const tokenCacheMs = 120_000;

export function readTokenWebhook(values: Values): TokenWebhookFlags | undefined {
  const configFile = values.text("authentication-token-webhook-config-file");
  const version = values.text("authentication-token-webhook-version") ?? "v1beta1";
  const cacheMs = values.duration("authentication-token-webhook-cache-ttl", tokenCacheMs, 0);
  if (version !== "v1" && version !== "v1beta1") {
    values.faults.push(`--authentication-token-webhook-version is ${version}, must be v1 or v1beta1`);
    return undefined;
  }
  return configFile === undefined ? undefined : { configFile, version, cacheMs };
}

export function readAuthenticationConfig(values: Values): string | undefined {
  const path = values.text("authentication-config");
  if (path === undefined) return undefined;
  const others = authenticationSpecs.map(({ name }) => name).filter((name) => name.startsWith("oidc-"));
  if (others.some((name) => values.text(name) !== undefined || values.list(name).length > 0)) {
    values.faults.push("--authentication-config and --oidc-* are mutually exclusive");
  }
  return resolve(path);
}

const knownAlgs = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];

export function readOidc(values: Values): OidcFlags | undefined {
  const issuerUrl = values.text("oidc-issuer-url");
  const clientId = values.text("oidc-client-id");
  if (issuerUrl === undefined && clientId === undefined) return undefined;
  if (issuerUrl === undefined || clientId === undefined) {
    values.faults.push("--oidc-issuer-url and --oidc-client-id must be specified together");
    return undefined;
  }
  if (URL.parse(issuerUrl)?.protocol !== "https:") {
    values.faults.push(`--oidc-issuer-url is ${issuerUrl}, must be an https URL`);
  }
  const usernameClaim = values.text("oidc-username-claim") ?? "sub";
  return {
    issuerUrl,
    clientId,
    caFile: values.text("oidc-ca-file"),
    usernameClaim,
    usernamePrefix: prefixOf(values.text("oidc-username-prefix"), usernameClaim, issuerUrl),
    groupsClaim: values.text("oidc-groups-claim"),
    groupsPrefix: values.text("oidc-groups-prefix") ?? "",
    requiredClaims: readClaims(values),
    signingAlgs: readAlgs(values),
  };
}

/** Names of different issuers don't meet, unless told otherwise; addresses of mails don't anyway. */
function prefixOf(given: string | undefined, claim: string, issuerUrl: string): string {
  if (given === "-") return "";
  return given ?? (claim === "email" ? "" : `${issuerUrl}#`);
}

function readClaims(values: Values): Record<string, string> {
  const claims: Record<string, string> = {};
  for (const text of values.list("oidc-required-claim")) {
    const at = text.indexOf("=");
    if (at < 1) values.faults.push(`--oidc-required-claim is ${text}, must be KEY=VALUE`);
    else claims[text.slice(0, at)] = text.slice(at + 1);
  }
  return claims;
}

function readAlgs(values: Values): readonly string[] {
  const algs = values.list("oidc-signing-algs").flatMap((text) => text.split(","));
  for (const alg of algs.filter((each) => !knownAlgs.includes(each))) {
    values.faults.push(`--oidc-signing-algs has ${alg}, must be of ${knownAlgs.join(", ")}`);
  }
  return algs.length === 0 ? ["RS256"] : algs;
}
