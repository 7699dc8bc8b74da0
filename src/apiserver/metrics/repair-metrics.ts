/** What was wrong with claims of addresses and ports, under upstream's names. upstream: pkg/registry/core/service/{ipallocator,portallocator}/controller/metrics.go */
import type { Registry } from "prom-client";
import { SeriesCounter, type Count } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** "leak": nobody used it; "repair": somebody used it without a claim. */
export type ClaimFault = "leak" | "repair" | "duplicate" | "outOfRange";

export class RepairCounts {
  /** Rounds that couldn't be ended. */
  readonly failures: Count;
  readonly #faults: SeriesCounter;

  constructor(kind: "addresses" | "ports", registry: Registry) {
    const [loop, item, items, more] =
      kind === "addresses"
        ? ["clusterip", "ip", "clusterips", ", invalid"]
        : ["nodeport", "port", "ports", ""];
    const counter = (rest: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter(
        { name: `apiserver_${loop}_repair_${rest}_total`, help: alpha(help), labelNames },
        registry,
      );
    this.#faults = counter(
      `${item}_errors`,
      `Number of errors detected on ${items} by the repair loop broken down by type of error: leak, repair, full, outOfRange, duplicate, unknown${more}`,
      ["type"],
    );
    this.failures = counter(
      "reconcile_errors",
      `Number of reconciliation failures on the ${loop} repair reconcile loop`,
      [],
    ).count({});
  }

  found(fault: ClaimFault): void {
    this.#faults.count({ type: fault }).add();
  }
}
