/**
 * Whether what a plugin goes by is known. A server answers requests before it has read everything, and where something can't
 * be read it goes on without: what would be passed over then waits, and is refused.
 * upstream: apiserver/pkg/admission/handler.go (WaitForReady)
 */
import type { KubeObject } from "#api/meta/object.ts";
import type { Clock } from "#base/clock.ts";
import type { Informer } from "#client/cache/informer.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { refuse } from "./refuse.ts";

/** upstream: timeToWaitForReady */
const waitMs = 10_000;

export class Readiness {
  readonly #informers: readonly Pick<Informer<KubeObject>, "hasSynced" | "synced">[];
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(informers: readonly Pick<Informer<KubeObject>, "hasSynced" | "synced">[], clock: Clock) {
    this.#informers = informers;
    this.#clock = clock;
    // Once for all: it may never come, and would remember everybody who had waited.
    void Promise.all(informers.map(({ synced }) => synced)).then(() => {
      for (const goOn of this.#waiting) goOn();
    });
  }

  get isReady(): boolean {
    return this.#allSynced();
  }

  #allSynced(): boolean {
    return this.#informers.every(({ hasSynced }) => hasSynced);
  }

  /** Throws 403 when it doesn't become so in time. */
  async reached(attributes: AdmissionAttributes): Promise<void> {
    if (this.isReady) return;
    const done = Promise.withResolvers<void>();
    this.#waiting.add(done.resolve);
    const cancel = this.#clock.after(waitMs, done.resolve);
    await done.promise;
    cancel();
    this.#waiting.delete(done.resolve);
    if (!this.#allSynced()) throw refuse(attributes, "not yet ready to handle request");
  }
}
