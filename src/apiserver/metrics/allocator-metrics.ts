/** Addresses and node ports of Services, under upstream's names. upstream: pkg/registry/core/service/{ipallocator,portallocator}/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { SeriesCounter } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** Asked for by number, or left to the server. */
export type AllocationScope = "static" | "dynamic";

/** Of one range; told each time that something of it was taken, or couldn't be. */
export interface AllocationCounts {
  taken(scope: AllocationScope): void;
  failed(scope: AllocationScope): void;
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
    this.ports = counting(registry, "nodeport", "NodePort", [])({});
  }

  addresses(cidr: string): AllocationCounts {
    return this.#addresses(cidr);
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
