/** The KMS plugins of one configuration, by their names. */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { EnvelopeMetrics } from "#apiserver/metrics/envelope-metrics.ts";
import type { Random } from "#base/random.ts";
import type { KmsConfiguration } from "./configuration.ts";
import { KmsPlugin } from "./plugin.ts";
import { KmsProvider } from "./provider.ts";

export interface KmsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly envelope?: EnvelopeMetrics | undefined;
}

const retryMs = 1000;

export class KmsProviders {
  readonly #providers: ReadonlyMap<string, KmsProvider>;
  readonly #deps: KmsDeps;
  readonly #resting = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(configurations: readonly KmsConfiguration[], deps: KmsDeps) {
    this.#deps = deps;
    this.#providers = new Map(
      configurations.map((each) => {
        const plugin = new KmsPlugin(each, deps.clock);
        return [each.name, new KmsProvider(each.name, { ...deps, plugin, metrics: deps.envelope })] as const;
      }),
    );
  }

  get(name: string): KmsProvider | undefined {
    return this.#providers.get(name);
  }

  /** What is wrong with them now. */
  async health(): Promise<string | undefined> {
    const asked = await Promise.all([...this.#providers.values()].map((provider) => provider.health()));
    const faults = asked.filter((fault) => fault !== undefined);
    return faults.length === 0 ? undefined : faults.join(", ");
  }

  /** Until all of them have answered well: those that aren't there yet are asked again for so long. Throws. */
  async ready(patienceMs: number, signal: AbortSignal): Promise<void> {
    const until = this.#deps.clock.monotonic() + patienceMs;
    for (const [name, provider] of this.#providers) await this.#awaitOne(name, provider, until, signal);
  }

  async #awaitOne(name: string, provider: KmsProvider, until: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      try {
        await provider.probe();
        return;
      } catch (error) {
        if (clock.monotonic() >= until) throw error;
        if (attempt === 1) log.warn("waiting for a KMS plugin", { provider: name, reason: provider.fault });
        await clock.sleep(retryMs, signal);
      }
    }
  }

  /** From now on they are asked how they are. */
  run(): void {
    const { signal } = this.#resting;
    this.#running = Promise.all([...this.#providers.values()].map((provider) => provider.run(signal)));
  }

  /** They aren't any more, but can still be asked for keys. */
  async rest(): Promise<void> {
    this.#resting.abort();
    await this.#running;
  }

  async close(): Promise<void> {
    const resting = this.rest();
    await Promise.all([...this.#providers.values()].map((provider) => provider.close()));
    await resting;
  }
}
