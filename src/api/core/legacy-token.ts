/** Tokens of service accounts that are kept in secrets. upstream: pkg/serviceaccount/legacy.go */

export const accountTokenType = "kubernetes.io/service-account-token";
export const accountNameAnnotation = "kubernetes.io/service-account.name";
export const accountUidAnnotation = "kubernetes.io/service-account.uid";
/** Of such a secret: the day when its token was used last. */
export const lastUsedLabel = "kubernetes.io/legacy-token-last-used";
/** Of such a secret: since when its token isn't taken any more. */
export const invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";

export const legacyIssuer = "kubernetes/serviceaccount";

/** Names of claims. */
const claim = {
  namespace: "kubernetes.io/serviceaccount/namespace",
  secretName: "kubernetes.io/serviceaccount/secret.name",
  accountName: "kubernetes.io/serviceaccount/service-account.name",
  accountUid: "kubernetes.io/serviceaccount/service-account.uid",
} as const;

export type LegacyToken = Readonly<Record<keyof typeof claim, string>>;

const subjectOf = ({ namespace, accountName }: LegacyToken): string =>
  `system:serviceaccount:${namespace}:${accountName}`;

/** They never expire. */
export function legacyClaims(token: LegacyToken): Record<string, string> {
  return {
    iss: legacyIssuer,
    [claim.namespace]: token.namespace,
    [claim.secretName]: token.secretName,
    [claim.accountName]: token.accountName,
    [claim.accountUid]: token.accountUid,
    sub: subjectOf(token),
  };
}

/** A text says what is wrong with the claims. */
export function readLegacyClaims(claims: Readonly<Record<string, unknown>>): LegacyToken | string {
  const text = (name: string): string => {
    const value = claims[name];
    return typeof value === "string" ? value : "";
  };
  const token: LegacyToken = {
    namespace: text(claim.namespace),
    secretName: text(claim.secretName),
    accountName: text(claim.accountName),
    accountUid: text(claim.accountUid),
  };
  if (text("sub") === "") return "sub claim is missing";
  if (token.namespace === "") return "namespace claim is missing";
  if (token.secretName === "") return "secretName claim is missing";
  if (token.accountName === "") return "serviceAccountName claim is missing";
  if (token.accountUid === "") return "serviceAccountUID claim is missing";
  return text("sub") === subjectOf(token) ? token : "sub claim is invalid";
}
