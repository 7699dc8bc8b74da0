/** What others need to verify service account tokens by themselves. upstream: pkg/serviceaccount/openidmetadata.go */
import { toJwk, type VerificationKey } from "#pki/jwt.ts";

export interface DiscoveryOptions {
  readonly issuer: string;
  /** Where the keys can be had from outside: "https://<advertised address>/openid/v1/jwks". */
  readonly jwksUri: string;
  readonly keys: readonly VerificationKey[];
}

export interface DiscoveryDocument {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Why others can't find this issuer by its documents, in upstream's words; undefined: they can. */
export function discoveryFault(issuer: string): string | undefined {
  const url = URL.parse(issuer);
  if (url?.protocol !== "https:") return `issuer URL must use https scheme, got: ${issuer}`;
  if (url.search !== "") return `issuer URL may not include a query, got: ${issuer}`;
  return url.hash === "" ? undefined : `issuer URL may not include a fragment, got: ${issuer}`;
}

export const discoveryPaths = ["/.well-known/openid-configuration", "/openid/v1/jwks"] as const;
const [configurationPath, keysPath] = discoveryPaths;

/** The document served at a path, or undefined when there is none: of an issuer that isn't to be found there is no document. */
export function discoveryDocument(path: string, options: DiscoveryOptions): DiscoveryDocument | undefined {
  if (discoveryFault(options.issuer) !== undefined) return undefined;
  const cacheControl = "public, max-age=3600";
  switch (path) {
    case configurationPath:
      return { contentType: "application/json", cacheControl, body: configuration(options) };
    case keysPath:
      return {
        contentType: "application/jwk-set+json",
        cacheControl,
        body: { keys: options.keys.map(toJwk) },
      };
    default:
      return undefined;
  }
}

function configuration({ issuer, jwksUri, keys }: DiscoveryOptions): DiscoveryDocument["body"] {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...new Set(keys.map(({ algorithm }) => algorithm))].toSorted(),
  };
}
