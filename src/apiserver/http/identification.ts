/** Who sends a request, and whom it acts for. What was good a moment ago on the same connection is good still. */
import { StatusError, unauthorizedError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Authenticator, Credentials, UserInfo } from "#apiserver/authn/authenticator.ts";
import { impersonate } from "#apiserver/authn/impersonation.ts";
import { unauthenticatedGroup } from "#apiserver/authn/user.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { Series } from "./series-histogram.ts";
import { headerOf, peerCertificate, separateHeaders, type RequestHead } from "./exchange.ts";

/** upstream: TokenSuccessCacheTTL */
const knownMs = 10_000;

export interface IdentificationDeps {
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly log: Logger;
  /** How long it takes to find out for whom a request is, in seconds. */
  readonly impersonating?: Pick<Series, "observe"> | undefined;
}

export interface Identified {
  readonly sender: UserInfo;
  readonly impersonated: UserInfo | undefined;
}

/** One connection: asking its socket for the certificate costs more than the rest of a request. */
interface Peer {
  readonly certificate: Buffer | undefined;
  /** Who came over it last, by its certificate and this header. */
  authorization: string | undefined;
  user: UserInfo | undefined;
  until: number;
}

export class Identification {
  readonly #deps: IdentificationDeps;
  readonly #peers = new WeakMap<object, Peer>();

  constructor(deps: IdentificationDeps) {
    this.#deps = deps;
  }

  /** Without waiting: who sent the last request of this connection, with the same credentials, and for himself. */
  known(head: RequestHead): UserInfo | undefined {
    const { connection, headers } = head;
    const peer = connection === undefined ? undefined : this.#peers.get(connection);
    if (peer?.user === undefined || peer.authorization !== headers.authorization) return undefined;
    if (!isPlain(head) || isForAnother(head) || this.#deps.clock.monotonic() >= peer.until) return undefined;
    this.#deps.authenticator.remembered?.(peer.user);
    this.#deps.impersonating?.observe(0);
    return peer.user;
  }

  /** Throws 401, and 403 for who may not impersonate. */
  async identify(head: RequestHead): Promise<Identified> {
    const sender = await this.sender(head);
    return { sender, impersonated: await this.impersonated(head, sender) };
  }

  /** Throws 401. */
  async sender(head: RequestHead): Promise<UserInfo> {
    return this.#knownSender(head) ?? (await this.#authenticate(head));
  }

  /** Whom `sender` wants to act as. Throws 403 when he may not. */
  async impersonated(head: RequestHead, sender: UserInfo): Promise<UserInfo | undefined> {
    const { authorizer, clock, impersonating } = this.#deps;
    if (!isForAnother(head)) {
      impersonating?.observe(0);
      return undefined;
    }
    const began = clock.monotonic();
    try {
      return await impersonate(separateHeaders(head, impersonation), sender, authorizer);
    } finally {
      impersonating?.observe((clock.monotonic() - began) / 1000);
    }
  }

  #knownSender(head: RequestHead): UserInfo | undefined {
    const peer = this.#peerOf(head);
    const isSame = isPlain(head) && peer.authorization === head.headers.authorization;
    if (!isSame || peer.user === undefined || this.#deps.clock.monotonic() >= peer.until) return undefined;
    this.#deps.authenticator.remembered?.(peer.user);
    return peer.user;
  }

  async #authenticate(head: RequestHead): Promise<UserInfo> {
    const peer = this.#peerOf(head);
    const credentials = credentialsOf(head, peer.certificate);
    const user = await this.#deps.authenticator.authenticate(credentials).catch((error: unknown) => {
      this.#noteRefusal(error);
      throw error;
    });
    if (user === undefined) throw unauthorizedError();
    // Who brings nothing may be welcome on some paths only.
    if (isPlain(head) && !user.groups.includes(unauthenticatedGroup)) {
      peer.authorization = head.headers.authorization;
      peer.user = user;
      peer.until = this.#deps.clock.monotonic() + knownMs;
    }
    return user;
  }

  /** Clients are only told that they are nobody. upstream: apiserver/pkg/endpoints/filters/authentication.go */
  #noteRefusal(error: unknown): void {
    const cause = error instanceof StatusError ? error.cause : undefined;
    if (cause === undefined) return;
    this.#deps.log.warn("unable to authenticate the request", { reason: errorText(cause) });
  }

  #peerOf({ connection, socket }: RequestHead): Peer {
    let peer = connection === undefined ? undefined : this.#peers.get(connection);
    if (peer === undefined) {
      peer = { certificate: peerCertificate(socket), authorization: undefined, user: undefined, until: 0 };
      if (connection !== undefined) this.#peers.set(connection, peer);
    }
    return peer;
  }
}

/** A front proxy speaks for somebody else each time; browsers' WebSockets bring their token in other ways. */
const isPlain = ({ headers }: RequestHead): boolean =>
  headers["x-remote-user"] === undefined && headers.upgrade === undefined;

const impersonation = "impersonate-";

/** Almost no request is. */
function isForAnother({ rawHeaders }: RequestHead): boolean {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const isLikely = name.length > impersonation.length && (name.charCodeAt(0) | 0x20) === 0x69;
    if (isLikely && name.toLowerCase().startsWith(impersonation)) return true;
  }
  return false;
}

/** The token of `Authorization: Bearer …`; browsers' WebSockets bring it as a subprotocol. */
function credentialsOf(head: RequestHead, clientCertificate: Buffer | undefined): Credentials {
  const bearer = bearerOf(headerOf(head, "authorization")) ?? tokenOfProtocol(head, clientCertificate);
  return {
    bearerToken: bearer === "" ? undefined : bearer,
    clientCertificate,
    remoteHeaders:
      head.headers["x-remote-user"] === undefined ? undefined : separateHeaders(head, "x-remote-"),
    target: head.url,
  };
}

/** "": none that counts, as behind two spaces. upstream: apiserver/pkg/authentication/request/bearertoken/bearertoken.go */
function bearerOf(authorization: string): string | undefined {
  if (authorization === "") return undefined;
  const [scheme = "", token = ""] = authorization.trim().split(" ", 2);
  return scheme.toLowerCase() === "bearer" ? token : undefined;
}

/** Who brought a token that wasn't looked at is told so. */
export function hasSpacedToken(head: RequestHead): boolean {
  const [scheme = "", ...rest] = headerOf(head, "authorization").trim().split(" ");
  return scheme.toLowerCase() === "bearer" && rest.length === 2 && rest[0] === "";
}

export const tokenProtocol = "base64url.bearer.authorization.k8s.io.";

/**
 * There must be one, and another protocol to answer with: otherwise who has no certificate is nobody, which is thrown as 401.
 * upstream: apiserver/pkg/authentication/request/websocket/protocol.go
 */
function tokenOfProtocol(head: RequestHead, clientCertificate: Buffer | undefined): string {
  if (headerOf(head, "upgrade").toLowerCase() !== "websocket") return "";
  const protocols = headerOf(head, "sec-websocket-protocol").split(",");
  const tokens = protocols.map((each) => each.trim()).filter((each) => each.startsWith(tokenProtocol));
  const [token] = tokens;
  if (token === undefined) return "";
  if (tokens.length === 1 && protocols.length > 1) {
    return Buffer.from(token.slice(tokenProtocol.length), "base64url").toString("utf8");
  }
  if (clientCertificate !== undefined) return "";
  throw unauthorizedError();
}
