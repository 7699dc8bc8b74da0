/** One request and its answer, however they travel: over HTTP, or straight from a component of this process. */
import type { Duplex } from "node:stream";
import type { AnyObject } from "#api/meta/object.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { RequestInfo } from "./info.ts";
import type { Endpoint } from "#apiserver/registry/endpoint.ts";
import type { StoredObject } from "#apiserver/registry/stored-object.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import type { Subscription } from "#base/subscription.ts";

export interface RequestBody {
  readonly contentType: string;
  /** Throws 413 above the limit. */
  bytes(): Promise<Buffer>;
  /** The bytes as they come, for who passes them on. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined;
  /** Within the process: the value itself, not to be changed. */
  readonly value?: unknown;
}

export interface ApiCall {
  readonly info: RequestInfo;
  /** Upper case. */
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** As it came, without the mark; absent within the process. */
  readonly rawQuery?: string | undefined;
  /** Where its connection comes from; absent within the process. */
  readonly peerAddress?: string | undefined;
  /** `name` in lower case; "" when absent. */
  header(name: string): string;
  /** Of all headers that came, in lower case; absent within the process. */
  readonly headerNames?: readonly string[] | undefined;
  readonly body: RequestBody;
  readonly user: UserInfo;
  /** Who really sent it, where `user` is impersonated. */
  readonly impersonator?: UserInfo | undefined;
  readonly signal: AbortSignal;
  /** Adds a `Warning: 299 - "text"` header to the answer. */
  warn(text: string): void;
  /** Adds an annotation to the audit event of this request, where one is kept. */
  annotate?(key: string, text: string): void;
  /** Tells that event what was sent, decoded and with defaults: an object with its metadata. */
  sent?(object: AnyObject): void;
  /** Throws 406 when the answer could take no form that the client takes; absent where answers take none. */
  assertAcceptable?(): void;
  /** Tells the client something before the answer: a status below 200, with headers. */
  inform?(status: number, headers: RawHeaders): void;
  /** It has come to whoever answers it here: from now on it is one of the requests that are counted. */
  handled?(): void;
  /** Whoever is to answer it can't be asked: it ends here. */
  undelivered?(): void;
  /** So long it waited for somebody else: a seat, a webhook. Not the server's own slowness. */
  held?(ms: number): void;
  /** The connection, where this request may take it over (exec, attach, port-forward, proxy). */
  readonly upgrade: UpgradeRequest | undefined;
}

/** A request that asks for another protocol on its connection. */
export interface UpgradeRequest {
  readonly socket: Duplex;
  /** Bytes that came after the request's head. */
  readonly head: Buffer;
  readonly rawHeaders: readonly string[];
}

export interface StoredAnswer {
  readonly kind: "stored";
  readonly status: number;
  readonly object: StoredObject;
  readonly endpoint: Endpoint;
}

/** An object that isn't stored: reviews, scales, statuses. */
export interface ObjectAnswer {
  readonly kind: "object";
  readonly status: number;
  readonly object: AnyObject;
}

export interface ListAnswer {
  readonly kind: "list";
  readonly endpoint: Endpoint;
  readonly items: readonly StoredObject[];
  readonly revision: bigint;
  /** "" when this is all. */
  readonly continue: string;
  readonly remaining: number | undefined;
}

export interface WatchAnswer {
  readonly kind: "watch";
  readonly endpoint: Endpoint;
  readonly items: Subscription<WatchItem>;
}

/** By name in lower case. */
export type RawHeaders = Readonly<Record<string, string | readonly string[]>>;

/** Bytes as they are: logs, proxied answers. */
export interface RawAnswer {
  readonly kind: "raw";
  readonly status: number;
  readonly headers: RawHeaders;
  readonly body: AsyncIterable<Uint8Array> | Uint8Array | string;
  /** Of somebody else's answer. */
  readonly passedOn?: PassedOn | undefined;
}

export interface PassedOn {
  /** Which headers follow the body. */
  readonly announced: string | undefined;
  /** Those, once there is no more of the body. */
  readonly trailers: () => RawHeaders;
}

/** The connection was taken over: nothing is left to say. */
export interface HijackedAnswer {
  readonly kind: "hijacked";
}

export type Answer = StoredAnswer | ObjectAnswer | ListAnswer | WatchAnswer | RawAnswer | HijackedAnswer;
