/** Priority and fairness of a server: kept to the cluster's objects, and measured. */
import type { Registry } from "prom-client";
import { FlowControl, type FlowControlOptions } from "./flow-control.ts";
import { FlowMetrics, registerLevelGauges } from "./flow-metrics.ts";
import { followFlowObjects, type FlowObjectsDeps } from "./flow-objects.ts";

export interface FollowedFlowDeps extends Omit<FlowObjectsDeps, "flow"> {
  readonly registry: Registry;
}

export function followedFlow(options: FlowControlOptions, deps: FollowedFlowDeps): FlowControl {
  const { clock, registry } = deps;
  const flow = new FlowControl(options, { clock, metrics: new FlowMetrics(registry) });
  registerLevelGauges(registry, () => flow.levels);
  followFlowObjects({ ...deps, flow });
  return flow;
}
