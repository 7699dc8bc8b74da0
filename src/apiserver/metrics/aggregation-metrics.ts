/** Which APIServices are there for their clients. upstream: kube-aggregator/pkg/controllers/status/metrics/metrics.go */
import { Gauge, type Registry } from "prom-client";
import type { APIService, APIServiceCondition } from "#api/generated/types/apiregistration-v1.ts";
import { SeriesCounter } from "./series-counter.ts";
import { alpha } from "./stability.ts";

export interface Becoming {
  readonly name: string;
  readonly was: APIService;
  readonly is: APIService;
}

const conditionOf = ({ status }: APIService): APIServiceCondition | undefined =>
  status?.conditions?.find(({ type }) => type === "Available");

const isAvailable = (service: APIService): boolean => conditionOf(service)?.status === "True";

export class AggregationMetrics {
  readonly #lost: SeriesCounter;

  /** `services`: all that there are now. */
  constructor(registry: Registry, services: () => Iterable<APIService>) {
    this.#lost = new SeriesCounter(
      {
        name: "aggregator_unavailable_apiservice_total",
        help: alpha(
          "Counter of APIServices which are marked as unavailable broken down by APIService name and reason.",
        ),
        labelNames: ["name", "reason"],
      },
      registry,
    );
    const gauge: Gauge = new Gauge({
      name: "aggregator_unavailable_apiservice",
      help: alpha("Gauge of APIServices which are marked as unavailable broken down by APIService name."),
      labelNames: ["name"],
      registers: [registry],
      collect: () => {
        gauge.reset();
        for (const service of services()) {
          // Nothing has been found out about it yet.
          if (conditionOf(service) === undefined) continue;
          gauge.set({ name: service.metadata?.name ?? "" }, isAvailable(service) ? 0 : 1);
        }
      },
    });
  }

  /** Its status was written. */
  judged({ name, was, is }: Becoming): void {
    if (!isAvailable(was) || isAvailable(is)) return;
    this.#lost.count({ name, reason: conditionOf(is)?.reason ?? "UnknownReason" }).add();
  }
}
