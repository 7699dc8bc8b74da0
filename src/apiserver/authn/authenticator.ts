/** Who is asking. */

export interface UserInfo {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What a request brought. */
export interface Credentials {
  readonly bearerToken: string | undefined;
  /** DER of the client certificate of this connection. Not yet verified. */
  readonly clientCertificate: Buffer | undefined;
  /** When they name a user: only a front proxy may say so. */
  readonly remoteHeaders?: HeaderValues | undefined;
  /** Of the request, with its query: who comes without anything may be let in to some paths only. */
  readonly target?: string | undefined;
}

/** Lower-case header names; a header sent several times has several values. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Authenticator {
  /**
   * Undefined: these credentials are not of my kind, ask the next one.
   * Throws StatusError 401: they are of my kind and not good.
   */
  authenticate(credentials: Credentials): Promise<UserInfo | undefined>;
  /** Another request of a user whom `authenticate` named a moment ago, for the same credentials. */
  remembered?(user: UserInfo): void;
}

export const anonymous: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
