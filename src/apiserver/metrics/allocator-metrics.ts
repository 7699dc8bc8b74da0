/** Addresses and node ports of Services, under upstream's names. upstream: pkg/registry/core/service/{ipallocator,portallocator}/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import { SeriesCounter } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** Asked for by number, or left to the server. */
export type AllocationScope = "static" | "dynamic";

/** Of one range; told each time that something of it was taken, or couldn't be. */
export interface AllocationCounts {
  taken(scope: AllocationScope): void;
  failed(scope: AllocationScope): void;
}

/** The same of addresses. */
export interface AddressCounts extends AllocationCounts {
  /** Told of each that was taken. */
  took(ms: number): void;
}

/** How full a range is. */
export interface RangeUse {
  readonly size: number;
  readonly used: number;
}

export interface AllocatorSource {
  /** By CIDR. */
  addresses(): Iterable<RangeUse & { readonly cidr: string }>;
  ports(): RangeUse;
}

export class AllocatorMetrics {
  readonly ports: AllocationCounts;
  readonly #addresses: (cidr: string) => AllocationCounts;
  readonly #durations: SeriesHistogram;
  readonly #durationsOf = new Map<string, Series>();

  constructor(registry: Registry, source: AllocatorSource) {
    const registers = [registry];
    const gauges = [
      ["allocated", ({ used }: RangeUse) => used],
      ["available", ({ size, used }: RangeUse) => Math.max(0, size - used)],
    ] as const;
    for (const [what, of] of gauges) {
      const ips: Gauge = new Gauge({
        name: `kube_apiserver_clusterip_allocator_${what}_ips`,
        help: alpha(`Gauge measuring the number of ${what} IPs for Services`),
        labelNames: ["cidr"],
        registers,
        collect: () => {
          ips.reset();
          for (const { cidr, ...use } of source.addresses()) ips.set({ cidr }, of(use));
        },
      });
      const ports: Gauge = new Gauge({
        name: `kube_apiserver_nodeport_allocator_${what}_ports`,
        help: alpha(`Gauge measuring the number of ${what} NodePorts for Services`),
        registers,
        collect: () => {
          ports.set(of(source.ports()));
        },
      });
    }
    const addresses = counting(registry, "clusterip", "Cluster IP", ["cidr"]);
    this.#addresses = (cidr) => addresses({ cidr });
    this.#durations = new SeriesHistogram(
      {
        name: "kube_apiserver_clusterip_allocator_allocation_duration_seconds",
        help: alpha("Duration in seconds to allocate a Cluster IP by ServiceCIDR"),
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      },
      registry,
    );
    this.ports = counting(registry, "nodeport", "NodePort", [])({});
  }

  addresses(cidr: string): AddressCounts {
    return {
      ...this.#addresses(cidr),
      took: (ms) => {
        const series = this.#durationsOf.get(cidr) ?? this.#durations.series({ cidr });
        this.#durationsOf.set(cidr, series);
        series.observe(ms / 1000);
      },
    };
  }
}

function counting(
  registry: Registry,
  subsystem: string,
  what: string,
  labelNames: readonly string[],
): (labels: Readonly<Record<string, string>>) => AllocationCounts {
  const plural = what === "Cluster IP" ? "Cluster IPs" : what;
  const counter = (rest: string, help: string): SeriesCounter => {
    const name = `kube_apiserver_${subsystem}_allocator_${rest}`;
    return new SeriesCounter({ name, help: alpha(help), labelNames: [...labelNames, "scope"] }, registry);
  };
  const total = counter("allocation_total", `Number of ${plural} allocations`);
  const errors = counter("allocation_errors_total", `Number of errors trying to allocate ${plural}`);
  return (labels) => ({
    taken: (scope) => {
      total.count({ ...labels, scope }).add();
    },
    failed: (scope) => {
      errors.count({ ...labels, scope }).add();
    },
  });
}
