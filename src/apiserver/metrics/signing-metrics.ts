/** Whether certificates last as long as was asked for, under upstream's names. upstream: pkg/registry/certificates/certificates/storage/metrics.go */
import type { Registry } from "prom-client";
import { SeriesCounter } from "./series-counter.ts";
import { alpha } from "./stability.ts";

export class SigningMetrics {
  readonly #requested: SeriesCounter;
  readonly #honored: SeriesCounter;

  constructor(registry: Registry) {
    const counter = (what: string, help: string): SeriesCounter =>
      new SeriesCounter(
        {
          name: `apiserver_certificates_registry_csr_${what}_duration_total`,
          help: alpha(
            `${help}, sliced by signer (only kubernetes.io signer names are specifically identified)`,
          ),
          labelNames: ["signerName"],
        },
        registry,
      );
    this.#requested = counter("requested", "Total number of issued CSRs with a requested duration");
    this.#honored = counter(
      "honored",
      "Total number of issued CSRs with a requested duration that was honored",
    );
  }

  /** A certificate was issued to who had said how long it is to last. */
  issued(signer: string, isHonored: boolean): void {
    const labels = { signerName: signer.startsWith("kubernetes.io/") ? signer : "other" };
    this.#requested.count(labels).add();
    if (isHonored) this.#honored.count(labels).add();
  }
}
