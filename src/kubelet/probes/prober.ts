/** What pods need to know of their probes; the manager is probes/probe-manager.ts. */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { PodRuntime } from "../pleg/pod-runtime.ts";
import type { PlanProbes } from "../pods/plan.ts";
import type { StatusProbes } from "../status/pod-status.ts";

export interface Probes {
  /** Starts and stops probes so that they fit what runs. */
  sync(pod: Pod, runtime: PodRuntime): void;
  /** From now on only readiness counts: the pod is being stopped. */
  stopRestarting(uid: string): void;
  forget(uid: string): void;
  /** For decisions about containers of the pod. */
  forPlan(pod: Pod): PlanProbes;
  /** For what is reported of them. */
  forStatus(pod: Pod): StatusProbes;
}
