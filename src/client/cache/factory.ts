/** Hands out informers, one per resource and query. upstream: client-go/informers/factory.go */
import { aborted } from "#base/abort.ts";
import { assert } from "#base/assert.ts";
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Informer, InformerQuery, OwnedInformers } from "./informer.ts";
import { SharedInformer, type SharedInformerDeps } from "./shared-informer.ts";

export function createInformerFactory(deps: SharedInformerDeps): OwnedInformers {
  return new SharedInformerFactory(deps);
}

class SharedInformerFactory implements OwnedInformers {
  readonly #deps: SharedInformerDeps;
  /** The type of each is that of the reference it was asked for with. */
  readonly #informers = new Map<string, SharedInformer<KubeObject>>();
  #signal: AbortSignal | undefined;

  constructor(deps: SharedInformerDeps) {
    this.#deps = deps;
  }

  informer<T extends KubeObject>(ref: ResourceRef<T>, query: InformerQuery = {}): Informer<T> {
    const { namespace = "", labelSelector = "", fieldSelector = "" } = query;
    const key = [ref.group, ref.version, ref.resource, namespace, labelSelector, fieldSelector].join("\n");
    const known = this.#informers.get(key);
    if (known !== undefined) return known as unknown as SharedInformer<T>;
    const informer = new SharedInformer<T>(ref, query, this.#deps);
    this.#informers.set(key, informer as unknown as SharedInformer<KubeObject>);
    if (this.#signal !== undefined) void informer.run(this.#signal);
    return informer;
  }

  start(signal: AbortSignal): void {
    assert(this.#signal === undefined, "an informer factory is started once");
    this.#signal = signal;
    // A rejection is a handler that threw: our own fault, which must end the process, so nobody catches it.
    for (const informer of this.#informers.values()) void informer.run(signal);
  }

  async waitForSync(signal: AbortSignal, isExcused?: (ref: ResourceRef) => boolean): Promise<void> {
    const waitedFor = [...this.#informers.values()].filter(({ ref }) => isExcused?.(ref) !== true);
    const all = Promise.all(waitedFor.map((informer) => informer.synced));
    await Promise.race([all, aborted(signal)]);
    signal.throwIfAborted();
  }

  unsynced(): readonly ResourceRef[] {
    return [...this.#informers.values()].filter(({ hasSynced }) => !hasSynced).map(({ ref }) => ref);
  }
}
