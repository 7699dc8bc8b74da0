/** Which leases this process holds, by their names. upstream: component-base/metrics/prometheus/clientgo/leaderelection */

export interface LeaseCounts {
  isLeader: boolean;
  /** Renewals that had to look at the lease anew, as it wasn't as it was left. */
  slowPaths: number;
}

const byName = new Map<string, LeaseCounts>();

export const allLeaseCounts = (): ReadonlyMap<string, LeaseCounts> => byName;

export function leaseCounts(name: string): LeaseCounts {
  const counts = byName.get(name) ?? { isLeader: false, slowPaths: 0 };
  byName.set(name, counts);
  return counts;
}
