/** What others need to verify service account tokens by themselves. upstream: pkg/serviceaccount/openidmetadata.go */
import { toJwk, type VerificationKey } from "#pki/jwt.ts";

export const openIdConfigurationPath = "/.well-known/openid-configuration";
export const jwksPath = "/openid/v1/jwks";
export const jwksContentType = "application/jwk-set+json";
/** Both documents are served with this. */
export const discoveryCacheControl = "public, max-age=3600";

/** Served as application/json. */
export function openIdConfiguration(issuer: string, jwksUri: string): Readonly<Record<string, unknown>> {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}

export function jwks(keys: readonly VerificationKey[]): Readonly<Record<string, unknown>> {
  return { keys: keys.map(toJwk) };
}
