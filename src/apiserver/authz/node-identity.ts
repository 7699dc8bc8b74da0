/** Which node a user is. upstream: pkg/auth/nodeidentifier/default.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";

const prefix = "system:node:";

/** Undefined: not a node. "": a member of system:nodes that can't be told which. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(prefix) || !user.groups.includes("system:nodes")) return undefined;
  return user.name.slice(prefix.length);
}
