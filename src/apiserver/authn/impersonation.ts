/** Acting as somebody else by Impersonate-* headers. upstream: apiserver/pkg/endpoints/filters/impersonation.go */
import { internalError } from "#api/meta/status.ts";
import type { Attributes, Authorizer } from "#apiserver/authz/authorizer.ts";
import { forbidden } from "#apiserver/authz/forbidden.ts";
import type { HeaderValues, UserInfo } from "./authenticator.ts";
import { unescapeKey, valuesOf } from "./header-values.ts";
import {
  authenticatedGroup,
  parseServiceAccountUserName,
  serviceAccountGroups,
  unauthenticatedGroup,
} from "./user.ts";

const authenticationGroup = "authentication.k8s.io";
const extraPrefix = "impersonate-extra-";

interface Wish {
  readonly user: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

/** Whom the request is to be taken for: undefined when it asks for nobody else. Throws 403 when it may not. */
export async function impersonate(
  headers: HeaderValues,
  user: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo | undefined> {
  const wish = readWish(headers);
  if (wish === undefined) return undefined;
  for (const attributes of neededPowers(wish, user)) {
    const decision = await authorizer.authorize(attributes);
    if (!decision.allowed) throw forbidden(attributes, decision.reason);
  }
  return become(wish);
}

function readWish(headers: HeaderValues): Wish | undefined {
  if (!hasWish(headers)) return undefined;
  const [user = ""] = valuesOf(headers, "impersonate-user");
  const groups = valuesOf(headers, "impersonate-group");
  const [uid = ""] = valuesOf(headers, "impersonate-uid");
  const extra = new Map<string, readonly string[]>();
  for (const name of Object.keys(headers)) {
    if (name.startsWith(extraPrefix)) {
      extra.set(unescapeKey(name.slice(extraPrefix.length)), valuesOf(headers, name));
    }
  }
  if (user !== "") return { user, uid, groups, extra };
  if (groups.length === 0 && extra.size === 0 && uid === "") return undefined;
  throw internalError("requested groups, extra or uid without impersonating a user");
}

/** Almost no request has one. */
function hasWish(headers: HeaderValues): boolean {
  for (const name in headers) if (name.startsWith("impersonate-")) return true;
  return false;
}

function neededPowers(wish: Wish, user: UserInfo): Attributes[] {
  const power = (more: Partial<Attributes>): Attributes => ({
    user,
    verb: "impersonate",
    isResourceRequest: true,
    path: "",
    group: "",
    version: "v1",
    resource: "",
    subresource: "",
    namespace: "",
    name: "",
    ...more,
  });
  const account = parseServiceAccountUserName(wish.user);
  const powers = [
    account === undefined
      ? power({ resource: "users", name: wish.user })
      : power({ resource: "serviceaccounts", ...account }),
    ...wish.groups.map((name) => power({ resource: "groups", name })),
  ];
  for (const [key, list] of wish.extra) {
    for (const name of list) {
      powers.push(power({ group: authenticationGroup, resource: "userextras", subresource: key, name }));
    }
  }
  if (wish.uid !== "") {
    powers.push(power({ group: authenticationGroup, resource: "uids", name: wish.uid }));
  }
  return powers;
}

function become(wish: Wish): UserInfo {
  const account = parseServiceAccountUserName(wish.user);
  const groups =
    wish.groups.length === 0 && account !== undefined
      ? serviceAccountGroups(account.namespace)
      : [...wish.groups];
  const implied = wish.user === "system:anonymous" ? unauthenticatedGroup : authenticatedGroup;
  if (!groups.includes(authenticatedGroup) && !groups.includes(unauthenticatedGroup)) groups.push(implied);
  return {
    name: wish.user,
    groups,
    ...(wish.uid === "" ? {} : { uid: wish.uid }),
    ...(wish.extra.size === 0 ? {} : { extra: Object.fromEntries(wish.extra) }),
  };
}
