/** For chains whose times nobody asks for. */
import { Registry } from "prom-client";
import { systemClock, type Clock } from "#base/clock.ts";
import { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";

export const unmeasured = (
  registry = new Registry(),
): { readonly clock: Clock; readonly metrics: AdmissionMetrics } => ({
  clock: systemClock,
  metrics: new AdmissionMetrics(registry, systemClock),
});
