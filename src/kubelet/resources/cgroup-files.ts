/** What is written into a pod's cgroup, per version: pure. upstream: pkg/kubelet/cm/helpers_linux.go, opencontainers/cgroups */

export interface CgroupLimits {
  readonly cpuShares: number;
  /** Microseconds of each period; 0: no limit. */
  readonly cpuQuota: number;
  /** Bytes; 0: no limit. */
  readonly memoryLimit: number;
}

export interface CgroupFile {
  readonly controller: "cpu" | "memory";
  readonly name: string;
  readonly value: string;
}

const periodMicros = 100_000;

export function filesV1({ cpuShares, cpuQuota, memoryLimit }: CgroupLimits): readonly CgroupFile[] {
  return [
    { controller: "cpu", name: "cpu.shares", value: String(cpuShares) },
    { controller: "cpu", name: "cpu.cfs_period_us", value: String(periodMicros) },
    { controller: "cpu", name: "cpu.cfs_quota_us", value: cpuQuota === 0 ? "-1" : String(cpuQuota) },
    {
      controller: "memory",
      name: "memory.limit_in_bytes",
      value: memoryLimit === 0 ? "-1" : String(memoryLimit),
    },
  ];
}

export function filesV2({ cpuShares, cpuQuota, memoryLimit }: CgroupLimits): readonly CgroupFile[] {
  return [
    { controller: "cpu", name: "cpu.weight", value: String(weightOf(cpuShares)) },
    { controller: "cpu", name: "cpu.max", value: `${cpuQuota === 0 ? "max" : cpuQuota} ${periodMicros}` },
    { controller: "memory", name: "memory.max", value: memoryLimit === 0 ? "max" : String(memoryLimit) },
  ];
}

/** Shares 2 to 262144 become weights 1 to 10000. */
export const weightOf = (shares: number): number => 1 + Math.floor(((shares - 2) * 9999) / 262_142);
