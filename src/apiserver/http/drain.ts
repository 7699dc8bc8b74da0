/** What is being answered when the server is told to stop, and what still may come in then. */
import type { Incoming } from "./exchange.ts";
import { headerOf } from "./exchange.ts";

/** upstream: apiserver/pkg/server/filters/with_retry_after.go */
const exemptPrefixes = ["/readyz", "/livez", "/healthz", "/metrics"];

export class Drain {
  readonly #idle = Promise.withResolvers<void>();
  #running = 0;
  #isStopping = false;

  /** Call what it returns once, when the answer is out. Watches and connects aren't waited for: don't enter them. */
  enter(): () => void {
    this.#running++;
    return () => {
      this.#running--;
      this.#settle();
    };
  }

  /** Resolves when all that has entered is answered. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#settle();
    return this.#idle.promise;
  }

  /** Whether a new request comes too late. */
  refuses(incoming: Incoming): boolean {
    if (!this.#isStopping) return false;
    const url = incoming.url ?? "/";
    const isExempt = exemptPrefixes.some((prefix) => url.startsWith(prefix));
    return !isExempt && !headerOf(incoming, "user-agent").startsWith("kube-apiserver/");
  }

  #settle(): void {
    if (this.#isStopping && this.#running === 0) this.#idle.resolve();
  }
}

/** upstream: apiserver/pkg/server/filters/waitgroup.go */
export const shuttingDown = {
  status: 503,
  headers: { "retry-after": "1", "content-type": "text/plain", "x-content-type-options": "nosniff" },
  body: "apiserver is shutting down\n",
} as const;
