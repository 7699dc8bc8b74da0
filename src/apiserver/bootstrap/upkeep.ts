/**
 * Makes again what somebody has changed or deleted of what every server has. Events wake it, and each thing waits as
 * long as upstream may take to look: servers that don't agree write against each other no faster than that.
 */
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { InformerFactory, InformerQuery } from "#client/cache/informer.ts";

export interface Kept {
  /** In words, for the log. */
  readonly what: string;
  /** Objects whose events say that it may no longer be as it should. */
  readonly watched: readonly Watched[];
  readonly waitMs: number;
  /** Leaves what already is as it should be. */
  readonly make: (signal: AbortSignal) => Promise<void>;
}

interface Watched {
  readonly ref: ResourceRef;
  readonly query: InformerQuery;
}

const retryMinMs = 1000;

export interface UpkeepDeps {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** From now on, and until the signal aborts; it has been made for the first time before. */
export function keepUp(kept: Kept, { informers, clock, log }: UpkeepDeps, signal: AbortSignal): void {
  let isDue = false;
  const isOver = (): boolean => signal.aborted;
  const makeAfter = (waitMs: number): void => {
    if (isDue || isOver()) return;
    isDue = true;
    clock.after(waitMs, () => void make());
  };
  // What changes meanwhile is seen, or waits for the next turn.
  const make = async (): Promise<void> => {
    isDue = false;
    if (isOver()) return;
    try {
      await kept.make(signal);
    } catch (error) {
      if (isOver()) return;
      log.warn(`${kept.what} not as they should be, will retry`, { error: errorText(error) });
      makeAfter(Math.max(kept.waitMs, retryMinMs));
    }
  };
  const changed = (): void => {
    makeAfter(kept.waitMs);
  };
  const handler = { add: changed, update: changed, delete: changed };
  for (const { ref, query } of kept.watched) informers.informer(ref, query).addHandler(handler);
}
