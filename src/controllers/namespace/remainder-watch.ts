/**
 * Notices when something that still held a namespace has gone.
 * One watch per resource that remains, only while it does; at most one call per watch. A watch that fails or
 * ends says nothing: whoever waits has a time of its own after which it looks again.
 */
import { ChildAbort } from "#base/abort.ts";
import type { Client } from "#client/client.ts";
import type { Remaining } from "./content.ts";

export class RemainderWatch {
  readonly #client: Client;
  readonly #namespaces = new Map<string, ChildAbort>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Replaces what was watched in the namespace. */
  watch(namespace: string, remaining: readonly Remaining[], { signal, onGone }: WatchOptions): void {
    this.forget(namespace);
    if (remaining.length === 0 || signal.aborted) return;
    const abort = new ChildAbort(signal);
    this.#namespaces.set(namespace, abort);
    for (const one of remaining) void this.#follow(namespace, one, { signal: abort.signal, onGone });
  }

  forget(namespace: string): void {
    this.#namespaces.get(namespace)?.abort();
    this.#namespaces.delete(namespace);
  }

  async #follow(namespace: string, { resource, revision }: Remaining, options: WatchOptions): Promise<void> {
    const query = { resourceVersion: revision, timeoutSeconds: 600 };
    try {
      for await (const { type } of this.#client.resource(resource, namespace).watch(query, options.signal)) {
        if (type !== "DELETED") continue;
        options.onGone();
        return;
      }
    } catch {
      // Not to be watched (it can only be listed, or the server went away): the timed look finds out.
    }
  }
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  readonly onGone: () => void;
}
