/**
 * The informers that one user of a shared factory asks for: it waits for no others, which may never come.
 * upstream: each controller's own list of caches that must have synced
 */
import { aborted } from "#base/abort.ts";
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Informer, InformerFactory, InformerQuery } from "./informer.ts";

export class OwnInformers implements InformerFactory {
  readonly #shared: InformerFactory;
  readonly #own = new Set<Pick<Informer<KubeObject>, "ref" | "synced">>();

  constructor(shared: InformerFactory) {
    this.#shared = shared;
  }

  informer<T extends KubeObject>(ref: ResourceRef<T>, query?: InformerQuery): Informer<T> {
    const informer = this.#shared.informer(ref, query);
    this.#own.add(informer);
    return informer;
  }

  start(signal: AbortSignal): void {
    this.#shared.start(signal);
  }

  async waitForSync(signal: AbortSignal, isExcused?: (ref: ResourceRef) => boolean): Promise<void> {
    const waitedFor = [...this.#own].filter(({ ref }) => isExcused?.(ref) !== true);
    await Promise.race([Promise.all(waitedFor.map(({ synced }) => synced)), aborted(signal)]);
    signal.throwIfAborted();
  }
}
