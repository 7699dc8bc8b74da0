/** Names and groups that the system gives to users. upstream: apiserver/pkg/authentication/user/user.go */
import type { UserInfo } from "./authenticator.ts";

export const authenticatedGroup = "system:authenticated";
export const unauthenticatedGroup = "system:unauthenticated";
export const credentialIdKey = "authentication.kubernetes.io/credential-id";

/** Everybody who proved who he is belongs to system:authenticated. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  return user.groups.includes(authenticatedGroup) || user.groups.includes(unauthenticatedGroup)
    ? user
    : { ...user, groups: [...user.groups, authenticatedGroup] };
}

const accountPrefix = "system:serviceaccount:";

export const serviceAccountUserName = (namespace: string, name: string): string =>
  `${accountPrefix}${namespace}:${name}`;

export const serviceAccountGroups = (namespace: string): string[] => [
  "system:serviceaccounts",
  `system:serviceaccounts:${namespace}`,
];

/** The account a user name belongs to, if it is one's. */
export function parseServiceAccountUserName(
  userName: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!userName.startsWith(accountPrefix)) return undefined;
  const [namespace = "", name = "", ...rest] = userName.slice(accountPrefix.length).split(":");
  const isWellFormed =
    rest.length === 0 &&
    namespace.length <= 63 &&
    name.length <= 253 &&
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace) &&
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
  return isWellFormed ? { namespace, name } : undefined;
}
