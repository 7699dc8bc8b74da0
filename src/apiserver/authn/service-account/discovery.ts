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

/** The document served at a path, or undefined when there is none. */
export function discoveryDocument(path: string, options: DiscoveryOptions): DiscoveryDocument | undefined {
  const cacheControl = "public, max-age=3600";
  switch (path) {
    case "/.well-known/openid-configuration":
      return { contentType: "application/json", cacheControl, body: configuration(options) };
    case "/openid/v1/jwks":
      return {
        contentType: "application/jwk-set+json",
        cacheControl,
        body: { keys: options.keys.map(toJwk) },
      };
    default:
      return undefined;
  }
}

function configuration({ issuer, jwksUri }: DiscoveryOptions): DiscoveryDocument["body"] {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}
