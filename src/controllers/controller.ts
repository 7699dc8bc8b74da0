/** What a controller is, and what it is made of. */
import type { Expressions } from "#api/expressions.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { EventRecorder } from "#client/events/recorder.ts";
import { runWorkers, type RateLimitedQueue } from "#client/work/rate-limited.ts";
import type { Completed } from "#base/component.ts";
import type { ControllersOptions } from "./options.ts";

export interface Controller {
  /** Runs until the signal aborts. The informers have synced. */
  run(signal: AbortSignal): Promise<void>;
}

/** Handed to a factory. Everything acts as the controller's own identity. */
export interface ControllerContext {
  readonly name: string;
  readonly options: Completed<ControllersOptions>;
  readonly client: Client;
  /** Shared by all controllers: one copy of each resource. */
  readonly informers: InformerFactory;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where clients and queues are counted; absent: nowhere. */
  readonly counts?: ClientCounts | undefined;
  /** Loads what evaluates expressions. */
  readonly loadExpressions: () => Promise<Expressions>;
}

/** Asks for its informers and adds its handlers; starts nothing. */
export type ControllerFactory = (context: ControllerContext) => Controller;

/** The usual controller: a queue of keys and a sync. */
export function queueController(
  queue: RateLimitedQueue,
  workers: number,
  sync: (key: string, signal: AbortSignal) => Promise<void>,
): Controller {
  return { run: (signal) => runWorkers(queue, workers, sync, signal) };
}
