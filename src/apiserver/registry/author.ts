/** Who made a write, in the form in which it is kept beside it: JSON, as who looks back is told. */
import type { Author } from "#api/meta/object.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";

export interface Acting {
  readonly user: UserInfo;
  readonly impersonator?: UserInfo | undefined;
}

export function authorText({ user, impersonator }: Acting): string {
  const author: Author =
    impersonator === undefined
      ? { user: user.name }
      : { user: impersonator.name, impersonatedUser: user.name };
  return JSON.stringify(author);
}
