/** All ways to tell who one is, one after the other. upstream: apiserver/pkg/authentication/request/union */
import { StatusError } from "#api/meta/status.ts";
import { anonymous, type Authenticator, type Credentials, type UserInfo } from "./authenticator.ts";
import { withAuthenticatedGroup } from "./user.ts";

export interface UnionOptions {
  /** Whether a request without credentials is one of system:anonymous, or refused; to this path. */
  readonly allowAnonymous: (path: string) => boolean;
}

/**
 * The first that knows the user wins. Bad credentials of one kind don't spoil good ones of another; but who brings
 * only bad ones is refused, not taken for anonymous.
 */
export class UnionAuthenticator implements Authenticator {
  readonly #options: UnionOptions;
  readonly #members: readonly Authenticator[];
  /** Users come from the members' own memories, so the group is added once each. */
  readonly #users = new WeakMap<UserInfo, UserInfo>();

  constructor(options: UnionOptions, members: readonly Authenticator[]) {
    this.#options = options;
    this.#members = members;
  }

  async authenticate(credentials: Credentials): Promise<UserInfo | undefined> {
    let refusal: StatusError | undefined;
    for (const member of this.#members) {
      try {
        const user = await member.authenticate(credentials);
        if (user !== undefined) return this.#authenticated(user);
      } catch (error) {
        if (!(error instanceof StatusError) || error.code !== 401) throw error;
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal;
    return this.#options.allowAnonymous(pathOf(credentials.target ?? "/")) ? anonymous : undefined;
  }

  #authenticated(user: UserInfo): UserInfo {
    let full = this.#users.get(user);
    if (full === undefined) {
      full = withAuthenticatedGroup(user);
      this.#users.set(user, full);
    }
    return full;
  }
}

/** Decoded, as everybody after us will see it. upstream: apiserver/pkg/authentication/request/anonymous */
function pathOf(target: string): string {
  const [path = "/"] = target.split("?", 1);
  try {
    return decodeURIComponent(path);
  } catch {
    // Nobody serves that.
    return path;
  }
}
