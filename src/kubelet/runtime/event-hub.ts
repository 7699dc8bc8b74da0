/** Hands a driver's events to everyone who listens. A listener too far behind fails and relists. */
import { Subscription } from "#base/subscription.ts";
import type { RuntimeEvent } from "./runtime.ts";

const eventsMax = 100_000;

export class EventHub {
  readonly #subscriptions = new Set<Subscription<RuntimeEvent>>();

  emit(event: RuntimeEvent): void {
    for (const subscription of this.#subscriptions) {
      if (!subscription.push(event)) this.#subscriptions.delete(subscription);
    }
  }

  /** Hears everything from now on, until the signal or `close`. */
  subscribe(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const subscription = new Subscription<RuntimeEvent>({ max: eventsMax, signal });
    if (!subscription.ended) this.#subscriptions.add(subscription);
    return subscription;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
    this.#subscriptions.clear();
  }
}
