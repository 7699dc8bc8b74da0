/** Static tokens from --token-auth-file: `token,user,uid,"group1,group2"` per line. upstream: apiserver/pkg/authentication/token/tokenfile */
import type { Logger } from "#base/log.ts";
import type { UserInfo } from "./authenticator.ts";
import { forThisServer, type TokenAnswer, type TokenAuthenticator } from "./bearer-token.ts";
import { parseCsv } from "./csv.ts";

export class TokenFileError extends Error {
  override readonly name = "TokenFileError";
  readonly code = "BAD_TOKEN_FILE";
}

/** Throws TokenFileError. Of a token given twice the last line counts. */
export function parseTokenFile(path: string, text: string, log: Logger): ReadonlyMap<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  const rows = parseCsv(text);
  if (rows === undefined) throw new TokenFileError(`token file '${path}' has a quote out of place`);
  rows.forEach((columns, index) => {
    const [token = "", name = "", uid = "", groups] = columns;
    if (columns.length < 3) {
      throw new TokenFileError(
        `token file '${path}' must have at least 3 columns (token, user name, user uid), found ${columns.length}`,
      );
    }
    if (token === "") {
      log.warn("empty token in token file", { path, record: index + 1 });
      return;
    }
    if (users.has(token)) log.warn("duplicate token in token file", { path, record: index + 1 });
    users.set(token, { name, uid, groups: groups === undefined ? [] : groups.split(",") });
  });
  return users;
}

export class TokenFileAuthenticator implements TokenAuthenticator {
  readonly #users: ReadonlyMap<string, UserInfo>;
  readonly #apiAudiences: readonly string[];

  constructor(users: ReadonlyMap<string, UserInfo>, apiAudiences: readonly string[]) {
    this.#users = users;
    this.#apiAudiences = apiAudiences;
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const user = this.#users.get(token);
    return user === undefined ? undefined : forThisServer(user, audiences, this.#apiAudiences);
  }
}
