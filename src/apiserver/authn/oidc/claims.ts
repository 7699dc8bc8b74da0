/** From the claims of an ID token to a user, by the --oidc-* flags. upstream: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go */
import type { UserInfo } from "../authenticator.ts";
import { TokenError } from "../bearer-token.ts";
import { credentialIdKey } from "../user.ts";

export interface ClaimMapping {
  readonly usernameClaim: string;
  readonly usernamePrefix: string;
  readonly groupsClaim: string | undefined;
  readonly groupsPrefix: string;
  /** Claims that must be there, with these values. */
  readonly requiredClaims: Readonly<Record<string, string>>;
}

type Claims = Readonly<Record<string, unknown>>;

/** Throws TokenError. */
export function userOfClaims(claims: Claims, mapping: ClaimMapping): UserInfo {
  const name = usernameOf(claims, mapping);
  const groups = groupsOf(claims, mapping);
  checkRequired(claims, mapping.requiredClaims);
  const { jti } = claims;
  return {
    name: `${mapping.usernamePrefix}${name}`,
    groups: groups.map((group) => `${mapping.groupsPrefix}${group}`),
    ...(typeof jti === "string" && jti !== "" ? { extra: { [credentialIdKey]: [`JTI=${jti}`] } } : {}),
  };
}

export function usernameOf(claims: Claims, { usernameClaim }: Pick<ClaimMapping, "usernameClaim">): string {
  const what = `oidc: parse username claims ${JSON.stringify(usernameClaim)}`;
  const value = claims[usernameClaim];
  if (value === undefined) throw new TokenError(`${what}: claim not present`);
  if (typeof value !== "string") throw new TokenError(`${what}: the claim is no text`);
  if (usernameClaim !== "email") return value;
  const { email_verified: isVerified } = claims;
  if (isVerified !== undefined && typeof isVerified !== "boolean") {
    throw new TokenError("oidc: parse 'email_verified' claim: the claim is neither true nor false");
  }
  if (isVerified === false) throw new TokenError("oidc: email not verified");
  return value;
}

export function groupsOf(
  claims: Claims,
  { groupsClaim }: Pick<ClaimMapping, "groupsClaim">,
): readonly string[] {
  const value = groupsClaim === undefined ? undefined : claims[groupsClaim];
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw new TokenError(
    `oidc: parse groups claim ${JSON.stringify(groupsClaim)}: must be a text or a list of texts`,
  );
}

export function checkRequired(claims: Claims, required: Readonly<Record<string, string>>): void {
  for (const [claim, wanted] of Object.entries(required)) {
    const value = claims[claim];
    if (value === undefined) throw new TokenError(`oidc: required claim ${claim} not present in ID token`);
    if (typeof value !== "string") throw new TokenError(`oidc: parse claim ${claim}: the claim is no text`);
    if (value !== wanted) {
      throw new TokenError(
        `oidc: required claim ${claim} value does not match. Got = ${value}, want = ${wanted}`,
      );
    }
  }
}
