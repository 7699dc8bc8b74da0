/** Empties namespaces that are being deleted, then lets them go. upstream: pkg/controller/namespace/namespace_controller.go */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import { parseTime } from "#base/clock.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { namespaceConditions } from "./conditions.ts";
import { emptyNamespace, type EmptyingResult } from "./content.ts";
import { RemainderWatch } from "./remainder-watch.ts";

const workers = 10;
const kubernetesFinalizer = "kubernetes";
/**
 * Requests that were admitted before the deletion may still create something: they are given this long.
 * Several servers hear of the deletion at different times; upstream's number is for them.
 */
const settleMs = { oneServer: 500, severalServers: 5000 };
/** What went is usually one of several: wait for its like before looking again. */
const gatherMs = 100;
/** A conflict means that somebody else wrote in between; more of them mean something else is wrong. */
const conflictsMax = 10;

export function namespaceController(context: ControllerContext): Controller {
  const controller = new NamespaceController(context);
  return queueController(controller.queue, workers, (name, signal) => controller.sync(name, signal));
}

class NamespaceController {
  readonly queue: RateLimitedQueue;
  readonly #context: ControllerContext;
  readonly #namespaces: Informer<Namespace>;
  readonly #remainders: RemainderWatch;

  constructor(context: ControllerContext) {
    const { informers, client, options } = context;
    this.#context = context;
    this.queue = new RateLimitedQueue({ name: "namespace", maxMs: 60_000 }, context);
    this.#remainders = new RemainderWatch(client);
    this.#namespaces = informers.informer(namespaces);
    const delay = options.severalServers ? settleMs.severalServers : settleMs.oneServer;
    const enqueue = ({ metadata, spec }: Namespace): void => {
      if (metadata?.deletionTimestamp === undefined || (spec?.finalizers ?? []).length === 0) return;
      this.queue.addAfter(metadata.name ?? "", delay);
    };
    this.#namespaces.addHandler({
      add: enqueue,
      update: (namespace, old) => {
        // Our own condition writes wake nobody.
        if (old.metadata?.deletionTimestamp === undefined) enqueue(namespace);
      },
      delete: ({ metadata }) => {
        this.#remainders.forget(metadata?.name ?? "");
      },
    });
  }

  async sync(name: string, signal: AbortSignal): Promise<void> {
    this.#remainders.forget(name);
    if (this.#namespaces.lister.get(name)?.metadata?.deletionTimestamp === undefined) return;
    const namespace = await this.#read(name);
    if (namespace?.metadata?.deletionTimestamp === undefined) return;
    if ((namespace.spec?.finalizers ?? []).length === 0) return;
    await this.#markTerminating(namespace);
    const ageMs = this.#context.clock.now() - parseTime(namespace.metadata.deletionTimestamp);
    const result = await emptyNamespace({ name, ageMs }, this.#context.client);
    await this.#writeConditions(name, result);
    if (result.estimateSeconds > 0 || result.remaining.length > 0) {
      const onGone = (): void => {
        this.queue.addAfter(name, gatherMs);
      };
      this.#remainders.watch(name, result.remaining, { signal, onGone });
    }
    const troubles = [...result.discoveryFailures.values(), ...result.contentFailures];
    if (troubles.length > 0) throw new Error(`namespace ${name} isn't empty: ${troubles.join(", ")}`);
    if (result.estimateSeconds > 0) {
      this.queue.addAfter(name, (Math.floor(result.estimateSeconds / 2) + 1) * 1000);
      return;
    }
    await this.#finalize(name);
  }

  async #read(name: string): Promise<Namespace | undefined> {
    try {
      return await this.#context.client.resource(namespaces).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #markTerminating(namespace: Namespace): Promise<void> {
    if (namespace.status?.phase === "Terminating") return;
    await this.#change(namespace.metadata?.name ?? "", async (now) => {
      const status = { ...now.status, phase: "Terminating" };
      await this.#context.client.resource(namespaces).updateStatus({ ...now, status });
    });
  }

  async #writeConditions(name: string, result: EmptyingResult): Promise<void> {
    await this.#change(name, async (namespace) => {
      const conditions = namespaceConditions(
        namespace.status?.conditions ?? [],
        result,
        this.#context.clock.now(),
      );
      if (conditions === undefined) return;
      const status = { ...namespace.status, conditions };
      await this.#context.client.resource(namespaces).updateStatus({ ...namespace, status });
    });
  }

  async #finalize(name: string): Promise<void> {
    await this.#change(name, async (namespace) => {
      const finalizers = (namespace.spec?.finalizers ?? []).filter((one) => one !== kubernetesFinalizer);
      if (finalizers.length === namespace.spec?.finalizers?.length) return;
      await this.#context.client
        .resource(namespaces)
        .subresource(name, "finalize")
        .update({
          apiVersion: "v1",
          kind: "Namespace",
          metadata: namespace.metadata,
          spec: { ...namespace.spec, finalizers },
        });
    });
  }

  /** Reads and writes until nobody came in between. A namespace that is gone needs no change. */
  async #change(name: string, write: (namespace: Namespace) => Promise<void>): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      const namespace = await this.#read(name);
      if (namespace === undefined) return;
      try {
        await write(namespace);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || conflicts >= conflictsMax) throw error;
      }
    }
  }
}
