/** kube-scheduler: gives every waiting pod a node. */
import type { Clock } from "#base/clock.ts";
import type { Completed, Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { nodes, pods } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import { ApiEventRecorder } from "#client/events/recorder.ts";
import { nodeHandler, podHandler } from "./cluster-events.ts";
import { complete, validate, type SchedulerOptions } from "./options.ts";
import { defaultPlugins } from "./plugins/registry.ts";
import { Scheduler } from "./scheduler.ts";

export interface SchedulerComponentDeps {
  /** As system:kube-scheduler. */
  readonly client: Client;
  /** Started by whoever owns them. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export const scheduler: ComponentKind<SchedulerOptions, SchedulerComponentDeps> = {
  name: "scheduler",
  complete,
  validate,
  create: (options, deps): Component => ({
    name: "scheduler",
    run: (signal, ready) => run(options, deps, { signal, ready }),
  }),
};

async function run(
  options: Completed<SchedulerOptions>,
  deps: SchedulerComponentDeps,
  { signal, ready }: { readonly signal: AbortSignal; readonly ready: () => void },
): Promise<void> {
  const { schedulerName } = options;
  deps.log.info("scheduler starts", { schedulerName });
  await using events = new ApiEventRecorder({ component: schedulerName }, deps);
  const running = new Scheduler({ ...deps, plugins: defaultPlugins, events });
  const targets = { cache: running.cache, queue: running.queue, schedulerName };
  // Nodes first: pods that wait already find all of them.
  deps.informers.informer(nodes).addHandler(nodeHandler(targets));
  deps.informers.informer(pods).addHandler(podHandler(targets));
  await deps.informers.waitForSync(signal);
  ready();
  await running.run(signal);
}
