/** What is being answered when the server is told to stop, and what still may come in then. */
import { serviceUnavailableError } from "#api/meta/status.ts";
import { headerOf, type Exchange, type RequestHead } from "./exchange.ts";

/** upstream: apiserver/pkg/server/filters/with_retry_after.go */
const exemptPrefixes = ["/readyz", "/livez", "/healthz", "/metrics"];

export class Drain {
  readonly #idle = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #running = 0;

  /** Call `leave` once, when the answer is out. What has no end of its own isn't waited for: don't enter it. */
  enter(): void {
    this.#running++;
  }

  leave(): void {
    this.#running--;
    this.#settle();
  }

  /** Resolves when all that has entered is answered. */
  stop(): Promise<void> {
    this.#stop.abort();
    this.#settle();
    return this.#idle.promise;
  }

  /** Aborts when the server is told to stop. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether a new request comes too late. */
  refuses(head: RequestHead): boolean {
    if (!this.#stop.signal.aborted) return false;
    const isExempt = exemptPrefixes.some((prefix) => head.url.startsWith(prefix));
    return !isExempt && !headerOf(head, "user-agent").startsWith("kube-apiserver/");
  }

  #settle(): void {
    if (this.#stop.signal.aborted && this.#running === 0) this.#idle.resolve();
  }
}

/** upstream: apiserver/pkg/server/filters/waitgroup.go */
export const shuttingDown = {
  status: 503,
  headers: {
    "retry-after": "1",
    "content-type": "application/json",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache, private",
  },
  body: `${JSON.stringify(serviceUnavailableError("apiserver is shutting down").status)}\n`,
} as const;

/** With --shutdown-send-retry-after. upstream: apiserver/pkg/server/filters/with_retry_after.go */
export const comeAgain = {
  status: 429,
  headers: {
    "retry-after": "5",
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  },
  body: "The apiserver is shutting down, please try again later.\n",
} as const;

export function refuseLate(
  exchange: Exchange,
  { status, headers, body }: typeof comeAgain | typeof shuttingDown,
): void {
  exchange.refuseRest();
  exchange.leaveConnection?.();
  const length = ["content-length", String(body.length)];
  exchange.send(status, [...Object.entries(headers).flat(), ...length], Buffer.from(body));
}
