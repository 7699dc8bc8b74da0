/**
 * Objects by key, filed under any number of indexes.
 * Lists handed out are snapshots: they don't change under their reader and must not be changed by it.
 * upstream: client-go/tools/cache/thread_safe_store.go
 */
import { assert } from "#base/assert.ts";
import { keyOf, type KubeObject } from "#api/meta/object.ts";
import type { Lister } from "../informer.ts";

const none: readonly never[] = [];

/** Objects of one index value, with a list that is made once per change. */
class Bucket<T> {
  readonly byKey = new Map<string, T>();
  #list: readonly T[] | undefined;

  set(key: string, object: T): void {
    this.byKey.set(key, object);
    this.#list = undefined;
  }

  delete(key: string): void {
    this.byKey.delete(key);
    this.#list = undefined;
  }

  list(): readonly T[] {
    this.#list ??= [...this.byKey.values()];
    return this.#list;
  }
}

interface Index<T> {
  readonly keys: (object: T) => readonly string[];
  readonly buckets: Map<string, Bucket<T>>;
}

const namespaceIndex = "namespace";

export class Indexer<T extends KubeObject> implements Lister<T> {
  readonly #all = new Bucket<T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor() {
    this.addIndex(namespaceIndex, (object) => [object.metadata?.namespace ?? ""]);
  }

  get size(): number {
    return this.#all.byKey.size;
  }

  /** Naming an index twice is fine for the same function only. */
  addIndex(name: string, keys: (object: T) => readonly string[]): void {
    const known = this.#indexes.get(name);
    assert(known === undefined || known.keys === keys, `index ${name} exists already with another function`);
    if (known !== undefined) return;
    const index: Index<T> = { keys, buckets: new Map() };
    for (const [key, object] of this.#all.byKey) refile(index, key, undefined, object);
    this.#indexes.set(name, index);
  }

  get(key: string): T | undefined {
    return this.#all.byKey.get(key);
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined || namespace === ""
      ? this.#all.list()
      : this.byIndex(namespaceIndex, namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    assert(found !== undefined, `there is no index ${index}`);
    return found.buckets.get(value)?.list() ?? none;
  }

  keys(): MapIterator<string> {
    return this.#all.byKey.keys();
  }

  /** Adds or replaces; answers what was there. */
  set(object: T): T | undefined {
    const key = keyOf(object);
    const old = this.#all.byKey.get(key);
    for (const index of this.#indexes.values()) refile(index, key, old, object);
    this.#all.set(key, object);
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#all.byKey.get(key);
    if (old === undefined) return undefined;
    for (const index of this.#indexes.values()) refile(index, key, old, undefined);
    this.#all.delete(key);
    return old;
  }
}

function refile<T>(index: Index<T>, key: string, old: T | undefined, now: T | undefined): void {
  const values = now === undefined ? none : index.keys(now);
  for (const value of old === undefined ? none : index.keys(old)) {
    if (values.includes(value)) continue;
    const bucket = index.buckets.get(value);
    bucket?.delete(key);
    if (bucket?.byKey.size === 0) index.buckets.delete(value);
  }
  for (const value of values) {
    if (now === undefined) return;
    let bucket = index.buckets.get(value);
    if (bucket === undefined) {
      bucket = new Bucket<T>();
      index.buckets.set(value, bucket);
    }
    bucket.set(key, now);
  }
}
