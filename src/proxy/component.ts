/** kube-proxy: watches Services and EndpointSlices and keeps the kernel's rules in step. */
import { endpointSlices, services } from "#api/resources.ts";
import { isAbortError } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import { NftablesBackend, removeNftablesRules } from "./nftables/backend.ts";
import type { ProxyBackend } from "./backend.ts";
import { complete, validate, type ProxyOptions } from "./options.ts";
import { planProxy } from "./plan.ts";

export { removeNftablesRules };

export interface ProxyDeps {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Default: nftables. */
  readonly backend?: ProxyBackend;
}

export const proxy: ComponentKind<ProxyOptions, ProxyDeps> = {
  name: "proxy",
  complete,
  validate,
  create: (options, deps): Component => ({
    name: "proxy",
    run: (signal, ready) => run(options, deps, { signal, ready }),
  }),
};

/** The rules stay when the proxy stops: pods outlive it, and so do their connections. */
async function run(
  options: ProxyOptions,
  deps: ProxyDeps,
  { signal, ready }: { readonly signal: AbortSignal; readonly ready: () => void },
): Promise<void> {
  const { informers, log } = deps;
  const backend = deps.backend ?? new NftablesBackend(options, { log });
  const wake = new Wake();
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  const handler = { add: wake.set, update: wake.set, delete: wake.set };
  serviceInformer.addHandler(handler);
  sliceInformer.addHandler(handler);
  await informers.waitForSync(signal);
  signal.addEventListener("abort", wake.set, { once: true });
  const backoff = new Backoff({ initialMs: 100, maxMs: 30_000, factor: 2, jitter: 0.2 }, deps.random);
  wake.set();
  for (let isFirst = true; ; isFirst = false) {
    await wake.wait();
    if (signal.aborted) return;
    try {
      const plan = planProxy({
        services: serviceInformer.lister.list(),
        slices: sliceInformer.lister.list(),
        nodeName: options.nodeName,
      });
      await backend.apply(plan, signal);
      log.debug("rules applied", { frontends: plan.frontends.length });
      backoff.reset();
      if (isFirst) ready();
    } catch (error) {
      if (isAbortError(error, signal)) return;
      if (isFirst) throw error;
      log.warn("rules not applied", { error });
      deps.clock.after(backoff.next(), wake.set);
    }
  }
}

/** Remembers that something changed; many changes while busy make one round. */
class Wake {
  #pending = Promise.withResolvers<void>();

  readonly set = (): void => {
    this.#pending.resolve();
  };

  async wait(): Promise<void> {
    await this.#pending.promise;
    this.#pending = Promise.withResolvers<void>();
  }
}
