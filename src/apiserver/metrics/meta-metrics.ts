/** How many metrics there are, by what is promised of them. upstream: component-base/metrics/registry.go */
import { Counter, type Registry } from "prom-client";
import { beta, stabilityOf } from "./stability.ts";

/** The help of prom-client's metrics, which its type doesn't tell of. */
interface Described {
  readonly help: string;
}

export function registerMetaMetrics(registry: Registry): void {
  const registers = [registry];
  const registered: Counter = new Counter({
    name: "registered_metrics_total",
    help: beta("The count of registered metrics broken by stability level and deprecation version."),
    labelNames: ["stability_level", "deprecated_version"],
    registers,
    collect: () => {
      registered.reset();
      for (const { help } of registry.getMetricsAsArray() as unknown as readonly Described[]) {
        const stability = stabilityOf(help);
        if (stability === undefined) continue;
        const { level, deprecatedRelease } = stability;
        registered.inc({ stability_level: level, deprecated_version: deprecatedRelease });
      }
    },
  });
  // There is no option here that would hide or disable any.
  for (const what of ["disabled", "hidden"]) {
    const help = beta(`The count of ${what} metrics.`);
    registry.registerMetric(new Counter({ name: `${what}_metrics_total`, help, registers: [] }));
  }
}
