/**
 * Rather nodes on which cpu and memory run out together.
 * upstream: pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go
 */
import { scoreMax, type ScorePlugin } from "../framework/plugin.ts";

export const balancedAllocation: ScorePlugin = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  prepareScore: ({ requests }) => {
    // A pod that asks for nothing changes no balance.
    if (requests.milliCpu === 0 && requests.memory === 0) return undefined;
    return {
      score: ({ requested, allocatable }) => {
        const shares: number[] = [];
        if (allocatable.milliCpu > 0) {
          shares.push(Math.min(1, (requested.milliCpu + requests.milliCpu) / allocatable.milliCpu));
        }
        if (allocatable.memory > 0) {
          shares.push(Math.min(1, (requested.memory + requests.memory) / allocatable.memory));
        }
        const [a = 0, b = a] = shares;
        // The standard deviation of two numbers is half of their distance.
        return Math.floor((1 - Math.abs(a - b) / 2) * scoreMax);
      },
    };
  },
};
