/** Where events go, and in which way. upstream: apiserver/pkg/server/options/audit.go, apiserver/plugin/pkg/audit */
import type { AuditEvent } from "./event.ts";

/** --audit-*-mode. "batch": they are kept for a while and told together; the others: each at once, while its request waits. */
export const auditModes = ["batch", "blocking", "blocking-strict"] as const;
export type AuditMode = (typeof auditModes)[number];

/** What takes events as they come. */
export interface AuditSink {
  /** Resolves when there is room for more: a sink that must not lose anything holds requests back. */
  ready(): Promise<void>;
  /**
   * Undefined: it is taken, whatever becomes of it. Else the request waits until it settles; false: it wasn't told, and
   * that counts.
   */
  write(event: AuditEvent): Promise<boolean> | undefined;
  /** Everything is out. */
  close(): Promise<void>;
}

/** What tells them to somebody. */
export interface AuditBackend {
  /** Resolves when there is room for more. */
  ready(): Promise<void>;
  /** Whether all of them are told; counts and logs those that aren't. */
  deliver(events: readonly AuditEvent[]): Promise<boolean>;
  /** Gives up what isn't told soon. */
  close(): Promise<void>;
}

/** How long a request waits for its events. */
export interface BlockingOptions {
  /** "room": until somebody takes them; "delivery": until they are told or lost; "success": and it is refused for a loss. */
  readonly until: "room" | "delivery" | "success";
}

export class BlockingSink implements AuditSink {
  readonly #until: BlockingOptions["until"];
  readonly #backend: AuditBackend;

  constructor({ until }: BlockingOptions, backend: AuditBackend) {
    this.#until = until;
    this.#backend = backend;
  }

  ready(): Promise<void> {
    return this.#backend.ready();
  }

  write(event: AuditEvent): Promise<boolean> | undefined {
    const delivered = this.#backend.deliver([event]);
    switch (this.#until) {
      case "room":
        return undefined;
      case "delivery":
        return delivered.then(() => true);
      case "success":
        return delivered;
    }
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
