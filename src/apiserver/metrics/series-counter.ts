/** Counters whose callers keep what they count in, as in series-histogram.ts. */
import { Counter, type Registry } from "prom-client";
import type { Labels, Series } from "#apiserver/http/series-histogram.ts";

export interface CounterOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

export class Count {
  value = 0;

  add(more = 1): void {
    this.value += more;
  }
}

export class SeriesCounter {
  readonly #counts = new Map<string, { readonly labels: Labels; readonly count: Count }>();

  constructor(options: CounterOptions, registry: Registry) {
    countAtCollection(options, registry, () =>
      [...this.#counts.values()].map(({ labels, count }) => ({ labels, value: count.value })),
    );
  }

  /** The same one for the same labels. Not for every request: keep it. */
  count(labels: Labels): Count {
    const key = Object.values(labels).join("\n");
    let known = this.#counts.get(key);
    if (known === undefined) {
      known = { labels, count: new Count() };
      this.#counts.set(key, known);
    }
    return known.count;
  }
}

/** A counter of what is counted elsewhere. */
export function countAtCollection(
  { labelNames, ...options }: CounterOptions,
  registry: Registry,
  read: () => Iterable<{ readonly labels: Labels; readonly value: number }>,
): void {
  const counter: Counter = new Counter({
    ...options,
    labelNames: [...labelNames],
    registers: [registry],
    collect: () => {
      counter.reset();
      for (const { labels, value } of read()) counter.inc(labels, value);
    },
  });
}

/** How often each series has been observed. */
export const countsOf = (all: Iterable<Series>): { readonly labels: Labels; readonly value: number }[] =>
  [...all].map((series) => ({ labels: series.labels, value: series.count }));
