/** Whose signatures of service accounts' tokens are good. */
import { parseVerificationKeys, type VerificationKey } from "#pki/jwt.ts";
import type { ServiceAccountOptions } from "./options.ts";

/** The key that signs, if it is to be trusted, then those that the options name; each once. Throws JwtError for a text without a key. */
export function accountKeys(
  signingKeyPem: string,
  { keyPems, trustsSigningKey }: Pick<ServiceAccountOptions, "keyPems" | "trustsSigningKey">,
): readonly VerificationKey[] {
  const keys = [...(trustsSigningKey ? [signingKeyPem] : []), ...keyPems].flatMap(parseVerificationKeys);
  return [...new Map(keys.map((key) => [key.keyId, key])).values()];
}
