/** A request that came over HTTP as a call of the API. What few ask for is made when it is asked for. */
import type { AnyObject } from "#api/meta/object.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { AuditRecord } from "#apiserver/audit/auditor.ts";
import type { ApiCall, RawHeaders, RequestBody, UpgradeRequest } from "#apiserver/request/call.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { bodyOf, ClientGoneError, headerOf, peerAddress, type RequestHead } from "./exchange.ts";
import type { RequestKind } from "./metrics.ts";
import type { Target } from "./target.ts";

export interface CallParts {
  readonly head: RequestHead;
  readonly target: Target;
  readonly user: UserInfo;
  readonly impersonator?: UserInfo | undefined;
  readonly upgrade?: UpgradeRequest | undefined;
  readonly record?: AuditRecord | undefined;
  /** What it is counted among, once it is handled. */
  readonly kind: Pick<RequestKind, "open">;
  /** Calls back when the client is gone; at once when it is. */
  readonly onClose: (run: () => void) => unknown;
}

export class HttpCall implements ApiCall {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  /** Undefined: none, as mostly. */
  warnings: Set<string> | undefined;
  /** The client may go. */
  isAnswered = false;
  heldMs = 0;
  /** There was no seat for it. */
  isRefused = false;
  /** Its kind counts it as open. */
  isHandled = false;
  /** The server that it was for couldn't be asked. */
  isUndelivered = false;
  /** Of its body, once that was read. */
  readBytes: number | undefined;
  /** Why no answer has a form that the client takes. */
  unacceptable: Error | undefined;
  /** What is kept of it for the audit log. */
  readonly record: AuditRecord | undefined;
  readonly #parts: CallParts;
  #body: RequestBody | undefined;
  #gone: AbortController | undefined;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.info = parts.target.info;
    this.user = parts.user;
    this.record = parts.record;
    if (this.record !== undefined) {
      this.record.body = () => (this.readBytes === undefined ? undefined : this.body);
    }
  }

  get method(): string {
    return this.#parts.head.method;
  }

  get path(): string {
    return this.#parts.target.path;
  }

  get query(): URLSearchParams {
    return this.#parts.target.query;
  }

  get rawQuery(): string {
    return this.#parts.target.rawQuery;
  }

  get peerAddress(): string {
    return peerAddress(this.#parts.head);
  }

  get impersonator(): UserInfo | undefined {
    return this.#parts.impersonator;
  }

  get headerNames(): readonly string[] {
    return Object.keys(this.#parts.head.headers);
  }

  get upgrade(): UpgradeRequest | undefined {
    return this.#parts.upgrade;
  }

  get body(): RequestBody {
    this.#body ??= bodyOf(this.#parts.head, (bytes) => {
      this.readBytes = bytes;
    });
    return this.#body;
  }

  /** Aborts when the client goes without its answer. */
  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      const gone = new AbortController();
      this.#gone = gone;
      this.#parts.onClose(() => {
        if (!this.isAnswered) gone.abort(new ClientGoneError());
      });
    }
    return this.#gone.signal;
  }

  header(name: string): string {
    return headerOf(this.#parts.head, name);
  }

  assertAcceptable(): void {
    if (this.unacceptable !== undefined) throw this.unacceptable;
  }

  warn(text: string): void {
    (this.warnings ??= new Set()).add(text);
  }

  inform(status: number, headers: RawHeaders): void {
    this.#parts.head.inform?.(status, Object.entries(headers).flat(1));
  }

  handled(): void {
    this.isHandled = true;
    this.#parts.kind.open += 1;
  }

  undelivered(): void {
    this.isUndelivered = true;
  }

  refused(): void {
    this.isRefused = true;
  }

  held(ms: number): void {
    this.heldMs += ms;
  }

  sent(object: AnyObject): void {
    this.record?.sent(object);
  }

  annotate(key: string, text: string): void {
    this.record?.annotate(key, text);
  }
}
