/**
 * Who is told of a resource's changes. Most watches of a big cluster ask for one name, or for the pods of one node:
 * these are found by that, and the others' changes cost them nothing.
 */
import type { CacheEvent } from "./resource-cache.ts";
import type { StoredObject } from "./stored-object.ts";

export interface CacheListener {
  /** Called in revision order, synchronously. */
  onEvent(event: CacheEvent): void;
  /** Nothing will come any more. */
  onClosed?(): void;
}

/** What a listener is interested in, as far as it can be looked up. Its own selector still has the last word. */
export interface Interest {
  readonly name?: string | undefined;
  /** Of pods: spec.nodeName. */
  readonly nodeName?: string | undefined;
}

export class Listeners {
  readonly #all = new Set<CacheListener>();
  readonly #byName = new Map<string, Set<CacheListener>>();
  readonly #byNode = new Map<string, Set<CacheListener>>();

  get size(): number {
    return this.#all.size + this.#byName.size + this.#byNode.size;
  }

  add(listener: CacheListener, { name, nodeName }: Interest): () => void {
    if (name !== undefined) return addTo(this.#byName, name, listener);
    if (nodeName !== undefined) return addTo(this.#byNode, nodeName, listener);
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  }

  close(): void {
    const named = [...this.#byName.values(), ...this.#byNode.values()].flatMap((set) => [...set]);
    for (const listener of [...this.#all, ...named]) listener.onClosed?.();
  }

  emit(event: CacheEvent): void {
    const { current, previous } = event;
    for (const listener of this.#all) listener.onEvent(event);
    for (const listener of this.#byName.get((current ?? previous)?.name ?? "") ?? []) listener.onEvent(event);
    if (this.#byNode.size === 0) return;
    const node = nodeOf(current);
    const nodeBefore = nodeOf(previous);
    if (node !== undefined) this.#tellNode(node, event);
    if (nodeBefore !== undefined && nodeBefore !== node) this.#tellNode(nodeBefore, event);
  }

  #tellNode(node: string, event: CacheEvent): void {
    for (const listener of this.#byNode.get(node) ?? []) listener.onEvent(event);
  }
}

function addTo(map: Map<string, Set<CacheListener>>, key: string, listener: CacheListener): () => void {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0 && map.get(key) === set) map.delete(key);
  };
}

/** "" for a pod without a node; undefined for no pod. */
function nodeOf(stored: StoredObject | undefined): string | undefined {
  if (stored === undefined) return undefined;
  const spec = stored.content["spec"] as { readonly nodeName?: string } | undefined;
  return spec?.nodeName ?? "";
}
