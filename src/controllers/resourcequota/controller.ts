/**
 * Keeps quotas' status true: counts anew when a quota comes or changes, when something it counts goes, and every five
 * minutes. What comes is counted by admission. upstream: pkg/controller/resourcequota/resource_quota_controller.go
 */
import type { ResourceQuota } from "#api/generated/types/core-v1.ts";
import { isSame } from "#api/meta/field-rules.ts";
import { keyOf, type AnyObject } from "#api/meta/object.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { quotaEvaluator, quotaResources } from "#api/quota/registry.ts";
import { resourceQuotas } from "#api/resources.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue, runWorkers } from "#client/work/rate-limited.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { CountedResources } from "./counted-resources.ts";
import { planStatus, type Stock } from "./plan.ts";

/** upstream: ConcurrentResourceQuotaSyncs */
const workers = 5;
/** upstream: ResourceQuotaSyncPeriod */
const resyncMs = 300_000;
/** Not quotas' keys, which have a slash. */
const resyncKey = "resync";
/** A definition is served a moment after it was written, and sometimes later than that. */
const recheckMs: Readonly<Record<string, number>> = { "recheck soon": 500, "recheck later": 10_000 };

export function resourceQuotaController(context: ControllerContext): Controller {
  const controller = new ResourceQuotaController(context);
  return { run: (signal) => controller.run(signal) };
}

class ResourceQuotaController {
  readonly #context: ControllerContext;
  readonly #queue: RateLimitedQueue;
  readonly #quotas: Informer<ResourceQuota>;
  readonly #counted: CountedResources;

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.#queue = new RateLimitedQueue({ name: "resourcequota" }, context);
    this.#quotas = informers.informer(resourceQuotas);
    this.#counted = new CountedResources(context, {
      freed: (resource, namespace) => {
        this.#wake(resource, namespace);
      },
      appeared: () => {
        for (const [key, ms] of Object.entries(recheckMs)) this.#queue.addAfter(key, ms);
      },
    });
    this.#quotas.addHandler({
      add: (quota) => this.#queue.add(keyOf(quota)),
      update: (quota, old) => {
        if (!isSame(quota.spec?.hard, old.spec?.hard)) this.#queue.add(keyOf(quota));
      },
      delete: ({ metadata }) => {
        this.#wake("resourcequotas", metadata?.namespace ?? "");
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#queue.addAfter(resyncKey, resyncMs);
    await runWorkers(this.#queue, workers, (key) => this.#sync(key, signal), signal);
  }

  #wake(resource: string, namespace: string): void {
    const evaluator = quotaEvaluator(resource);
    if (evaluator === undefined) return;
    for (const quota of this.#quotas.lister.list(namespace)) {
      const names = Object.keys(quota.spec?.hard ?? {});
      if (names.some((name) => evaluator.measures(name))) this.#queue.add(keyOf(quota));
    }
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    if (key === resyncKey) this.#queue.addAfter(resyncKey, resyncMs);
    if (key === resyncKey || key in recheckMs) {
      for (const each of this.#quotas.lister.list()) this.#queue.add(keyOf(each));
      return;
    }
    const quota = this.#quotas.lister.get(key);
    if (quota === undefined || quota.metadata?.deletionTimestamp !== undefined) return;
    const stocks = await this.#stocksOf(quota, signal);
    const status = planStatus(quota, stocks, this.#context.clock.now());
    if (status === undefined) return;
    try {
      const namespace = quota.metadata?.namespace ?? "";
      await this.#context.client.resource(resourceQuotas, namespace).updateStatus({ ...quota, status });
    } catch (error) {
      if (isNotFound(error)) return;
      // Admission took something in the meantime: count again.
      if (!isConflict(error)) throw error;
      this.#queue.addRateLimited(key);
    }
  }

  async #stocksOf(quota: ResourceQuota, signal: AbortSignal): Promise<readonly Stock[]> {
    const namespace = quota.metadata?.namespace ?? "";
    const stocks: Stock[] = [];
    for (const resource of quotaResources(Object.keys(quota.spec?.hard ?? {}))) {
      const evaluator = quotaEvaluator(resource);
      const objects = await this.#counted.list(resource, namespace, signal);
      if (evaluator === undefined || objects === undefined) continue;
      stocks.push({ evaluator, objects: objects as readonly AnyObject[] });
    }
    return stocks;
  }
}
