/** From the claims of a token to a user, by an AuthenticationConfiguration. upstream: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go */
import type { ConfigExpression } from "#api/cel/config/config-expression.ts";
import type { Claims } from "#pki/jwt.ts";
import type { UserInfo } from "../authenticator.ts";
import { TokenError } from "../bearer-token.ts";
import { checkRequired, groupsOf, usernameOf } from "../oidc/claims.ts";
import { credentialIdKey } from "../user.ts";

type ClaimSource = { readonly claim: string; readonly prefix: string } | ConfigExpression;

export interface Rule {
  readonly expression: ConfigExpression;
  readonly message: string;
}

export interface UserMapping {
  readonly username: ClaimSource;
  readonly groups: ClaimSource | undefined;
  readonly uid: { readonly claim: string } | ConfigExpression | undefined;
  readonly extra: readonly { readonly key: string; readonly expression: ConfigExpression }[];
  /** Claims that must be there, with these values. */
  readonly requiredClaims: Readonly<Record<string, string>>;
  readonly claimRules: readonly Rule[];
  readonly userRules: readonly Rule[];
}

/** Throws TokenError. */
export function mapUser(claims: Claims, mapping: UserMapping): UserInfo {
  const name = mapUsername(claims, mapping.username);
  const groups = mapGroups(claims, mapping.groups);
  const uid = mapUid(claims, mapping.uid);
  const extra = mapExtra(claims, mapping.extra);
  checkRequired(claims, mapping.requiredClaims);
  checkRules(mapping.claimRules, claims, "oidc: error evaluating claim validation expression");
  checkRules(
    mapping.userRules,
    { username: name, groups, uid, extra },
    "oidc: error evaluating user info validation rule",
  );
  return {
    name,
    groups,
    ...(uid === "" ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function mapUsername(claims: Claims, source: ClaimSource): string {
  if ("claim" in source) return source.prefix + usernameOf(claims, { usernameClaim: source.claim });
  const what = "oidc: error evaluating username claim expression";
  const { value, fault } = source.evaluateText(claims, "username");
  if (fault !== undefined) throw new TokenError(`${what}: ${fault}`);
  if (value === "") throw new TokenError(`${what}: the username is empty`);
  return value;
}

function mapGroups(claims: Claims, source: ClaimSource | undefined): readonly string[] {
  if (source === undefined) return [];
  if ("claim" in source) {
    return groupsOf(claims, { groupsClaim: source.claim }).map((group) => source.prefix + group);
  }
  const { value, fault } = source.evaluateTexts(claims);
  if (fault !== undefined) throw new TokenError(`oidc: error evaluating group claim expression: ${fault}`);
  return value;
}

function mapUid(claims: Claims, source: UserMapping["uid"]): string {
  if (source === undefined) return "";
  if ("claim" in source) {
    const value = claims[source.claim];
    if (typeof value === "string") return value;
    const why = value === undefined ? "claim not present" : "the claim is no text";
    throw new TokenError(`oidc: parse uid claim ${JSON.stringify(source.claim)}: ${why}`);
  }
  const { value, fault } = source.evaluateText(claims, "uid");
  if (fault !== undefined) throw new TokenError(`oidc: error evaluating uid claim expression: ${fault}`);
  return value;
}

function mapExtra(claims: Claims, mappings: UserMapping["extra"]): Record<string, readonly string[]> {
  const { jti } = claims;
  const extra: Record<string, readonly string[]> =
    typeof jti === "string" && jti !== "" ? { [credentialIdKey]: [`JTI=${jti}`] } : {};
  for (const { key, expression } of mappings) {
    const { value, fault } = expression.evaluateTexts(claims);
    if (fault !== undefined) {
      throw new TokenError(`oidc: error evaluating extra claim expression: ${expression.text}: ${fault}`);
    }
    if (value.length > 0) extra[key] = value;
  }
  return extra;
}

function checkRules(rules: readonly Rule[], json: unknown, what: string): void {
  for (const { expression, message } of rules) {
    const { value, fault } = expression.evaluateBool(json);
    if (fault !== undefined) throw new TokenError(`${what}: ${fault}`);
    const { text } = expression;
    if (!value) throw new TokenError(`${what}: validation expression '${text}' failed: ${message}`);
  }
}
