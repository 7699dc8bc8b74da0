/** Turns what the runtime reports into "look at this pod again". upstream: pkg/kubelet/pleg/evented.go */
import type { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Runtime, RuntimeEvent } from "../runtime/runtime.ts";
import type { RuntimeCache } from "./runtime-cache.ts";

/** upstream's relist period where the runtime sends events. */
const relistMs = 300_000;

export interface RuntimeEventsDeps {
  readonly runtime: Runtime;
  readonly cache: RuntimeCache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly backoff: Backoff;
  readonly onEvent: (event: RuntimeEvent) => void;
  /** A relist found the pod's state to differ from what was known. */
  readonly onChange: (uid: string) => void;
}

/** Follows the runtime until `signal` aborts. A broken stream is opened again, and what it missed is found by a relist. */
export async function followRuntime(deps: RuntimeEventsDeps, signal: AbortSignal): Promise<void> {
  using relist = new PeriodicRelist(deps);
  relist.arm();
  for (let isFirst = true; ; isFirst = false) {
    try {
      const events = deps.runtime.events(signal);
      if (!isFirst) await relistNow(deps);
      for await (const event of events) {
        deps.backoff.reset();
        deps.onEvent(event);
      }
    } catch (error) {
      if (!signal.aborted) deps.log.warn("runtime events broke", { error });
    }
    if (signal.aborted) return;
    await deps.clock.sleep(deps.backoff.next(), signal).catch(() => undefined);
  }
}

async function relistNow(deps: RuntimeEventsDeps): Promise<void> {
  for (const uid of await deps.cache.relist()) deps.onChange(uid);
}

class PeriodicRelist implements Disposable {
  readonly #deps: RuntimeEventsDeps;
  #cancel: (() => void) | undefined;
  #isOver = false;

  constructor(deps: RuntimeEventsDeps) {
    this.#deps = deps;
  }

  arm(): void {
    this.#cancel = this.#deps.clock.after(relistMs, () => {
      relistNow(this.#deps)
        .catch((error: unknown) => {
          this.#deps.log.warn("relist failed", { error });
        })
        .finally(() => {
          if (!this.#isOver) this.arm();
        });
    });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel?.();
  }
}
