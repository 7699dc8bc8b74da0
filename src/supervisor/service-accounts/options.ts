/** --service-account-*, --api-audiences: whose tokens are good, for whom and how long. upstream: pkg/kubeapiserver/options/authentication.go, pkg/controlplane/apiserver/options */
import type { ServiceAccountOptions } from "#apiserver/authn/service-account/options.ts";
import type { OptionSpec } from "#base/options.ts";
import { specsOf } from "../flag-specs.ts";

/** With the files that have keys, instead of what is in them. */
export interface ServiceAccountFlags extends Omit<ServiceAccountOptions, "keyPems" | "trustsSigningKey"> {
  readonly keyFiles: readonly string[];
  /** Undefined: the key that this server keeps. */
  readonly signingKeyFile: string | undefined;
}

const account = specsOf("cluster", "service-account-");

/** The names are upstream's. */
export const serviceAccountSpecs: readonly OptionSpec[] = [
  account("issuer", "list", "URL", {
    defaultText: "https://kubernetes.default.svc.DOMAIN",
    text: "Who signs tokens of service accounts; tokens of further ones are good, too",
  }),
  account("signing-key-file", "string", "FILE", {
    defaultText: "a key of the cluster's own",
    text: "Key that signs them, RSA or ECDSA",
  }),
  account("key-file", "list", "FILE", {
    text: "Keys, public or private, whose tokens are good; a file may have several. With a signing key file: these alone",
  }),
  account("max-token-expiration", "string", "DURATION", {
    text: "For how long tokens are good at most, whatever is asked for; 1h or more",
  }),
  account("extend-token-expiration", "boolean", "", {
    defaultText: "true",
    text: "Tokens that pods mount stay good for a year, for clients that don't read them anew",
  }),
  account("lookup", "boolean", "", {
    defaultText: "true",
    text: "Tokens that secrets hold are good only while the secret and the account are there",
  }),
  account("jwks-uri", "string", "URL", {
    defaultText: "at this server",
    text: "Where the discovery document says that the keys are; https",
  }),
  {
    name: "api-audiences",
    type: "list",
    placeholder: "NAME",
    group: "cluster",
    defaultText: "the issuers",
    text: "What this API is called in tokens; they must be meant for one of these",
  },
];

interface Values {
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  flagIfGiven(name: string): boolean | undefined;
  duration(name: string, fallbackMs: number, leastMs: number): number;
  readonly faults: string[];
}

export function readServiceAccounts(values: Values, clusterDomain: string): ServiceAccountFlags {
  const given = values.list("service-account-issuer");
  const issuers = given.length === 0 ? [`https://kubernetes.default.svc.${clusterDomain}`] : given;
  values.faults.push(...issuerFaults(issuers));
  const audiences = values.list("api-audiences");
  return {
    issuers,
    apiAudiences: audiences.length === 0 ? issuers : audiences,
    jwksUri: readJwksUri(values),
    tokenSecondsMax: readTokenSecondsMax(values),
    extendsExpiration: values.flagIfGiven("service-account-extend-token-expiration") !== false,
    looksUp: values.flagIfGiven("service-account-lookup") !== false,
    keyFiles: values.list("service-account-key-file"),
    signingKeyFile: values.text("service-account-signing-key-file"),
  };
}

function issuerFaults(issuers: readonly string[]): string[] {
  return issuers.flatMap((issuer, index) => {
    const quoted = JSON.stringify(issuer);
    if (issuer.includes(":") && !URL.canParse(issuer)) {
      return [`service-account-issuer ${quoted} contained a ':' but was not a valid URL`];
    }
    return issuers.indexOf(issuer) < index ? [`service-account-issuer ${quoted} is already specified`] : [];
  });
}

function readJwksUri(values: Values): string | undefined {
  const uri = values.text("service-account-jwks-uri");
  if (uri === undefined) return undefined;
  const protocol = URL.parse(uri)?.protocol;
  if (protocol === undefined) {
    values.faults.push(`service-account-jwks-uri must be a valid URL: ${JSON.stringify(uri)}`);
  } else if (protocol !== "https:") {
    values.faults.push(`service-account-jwks-uri requires https scheme, parsed as: ${uri}`);
  }
  return uri;
}

const hourMs = 3_600_000;
const secondsMax = 2 ** 32;

function readTokenSecondsMax(values: Values): number | undefined {
  const ms = values.duration("service-account-max-token-expiration", 0, 0);
  if (ms === 0) return undefined;
  if (ms < hourMs || ms > secondsMax * 1000) {
    values.faults.push("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
  }
  return Math.floor(ms / 1000);
}
