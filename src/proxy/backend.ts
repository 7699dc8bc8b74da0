/** What carries out a plan. */
import type { ProxyPlan } from "./plan.ts";

export interface ProxyBackend {
  /** Makes the kernel match the plan, at once or not at all. Calls don't overlap. */
  apply(plan: ProxyPlan, signal: AbortSignal): Promise<void>;
}
