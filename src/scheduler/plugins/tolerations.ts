/** Which taints a pod tolerates. */
import { toleratesTaint } from "#api/core/tolerations.ts";
import type { Taint, Toleration } from "#api/generated/types/core-v1.ts";

export const tolerates = (tolerations: readonly Toleration[], taint: Taint): boolean =>
  tolerations.some((toleration) => toleratesTaint(toleration, taint));
