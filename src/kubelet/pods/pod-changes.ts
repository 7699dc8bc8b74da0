/** Tells who asked that something of a pod changed in the runtime: readers of its log. */
export class PodChanges {
  readonly #handlers = new Map<string, Set<() => void>>();

  /** The returned function ends it. */
  listen(uid: string, handle: () => void): () => void {
    const handlers = this.#handlers.get(uid) ?? new Set();
    handlers.add(handle);
    this.#handlers.set(uid, handlers);
    return () => {
      handlers.delete(handle);
      if (handlers.size === 0) this.#handlers.delete(uid);
    };
  }

  tell(uid: string): void {
    for (const handle of this.#handlers.get(uid) ?? []) handle();
  }
}
