/**
 * How fast nodes that fail may lose their pods, zone by zone. When many fail at once it is more likely that the
 * network between them and us is broken than they are. upstream: node_lifecycle_controller.go handleDisruption, ComputeZoneState
 */
import type { Node } from "#api/generated/types/core-v1.ts";
import { readyStatus } from "./health.ts";

/** Upstream's --node-eviction-rate, --secondary-node-eviction-rate, --unhealthy-zone-threshold, --large-cluster-size-threshold. */
const normalMs = 10_000;
const slowMs = 100_000;
const unhealthyShare = 0.55;
const largeZone = 50;

export type ZoneState = "normal" | "partial" | "full";

export function zoneState(ready: number, notReady: number): ZoneState {
  if (ready === 0 && notReady > 0) return "full";
  return notReady > 2 && notReady / (ready + notReady) >= unhealthyShare ? "partial" : "normal";
}

export function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? "";
  return `${region}:${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

interface ZoneCounts {
  ready: number;
  notReady: number;
}

export class Zones {
  /** When the next node of a zone may be tainted, monotonic. */
  readonly #nextAt = new Map<string, number>();
  #counts = new Map<string, ZoneCounts>();

  /** Counts anew. */
  observe(nodes: readonly Node[]): void {
    const counts = new Map<string, ZoneCounts>();
    for (const node of nodes) {
      const status = readyStatus(node);
      if (status === undefined) continue;
      const zone = zoneOf(node);
      const count = counts.get(zone) ?? { ready: 0, notReady: 0 };
      counts.set(zone, count);
      if (status === "True") count.ready += 1;
      else count.notReady += 1;
    }
    this.#counts = counts;
  }

  /** Not a single node is ready: nobody is to lose anything until one comes back. */
  get isAllLost(): boolean {
    return (
      this.#counts.size > 0 &&
      [...this.#counts.values()].every(({ ready, notReady }) => zoneState(ready, notReady) === "full")
    );
  }

  /** Takes the zone's next turn and answers 0, or answers how long until it comes; Infinity: not in this state. */
  turn(zone: string, now: number): number {
    const { ready, notReady } = this.#counts.get(zone) ?? { ready: 0, notReady: 0 };
    const isPartial = zoneState(ready, notReady) === "partial";
    if (this.isAllLost || (isPartial && ready + notReady <= largeZone)) return Number.POSITIVE_INFINITY;
    const nextAt = this.#nextAt.get(zone) ?? now;
    if (nextAt > now) return nextAt - now;
    this.#nextAt.set(zone, now + (isPartial ? slowMs : normalMs));
    return 0;
  }
}
