import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import { filesV1, filesV2, weightOf, type CgroupFile } from "./cgroup-files.ts";
import { limitsOf } from "./pod-cgroups.ts";

const text = (files: readonly CgroupFile[]): string =>
  files.map(({ name, value }) => `${name}=${value}`).join(" ");

test("limits in the files of version 1", () => {
  assert.equal(
    text(filesV1({ cpuShares: 102, cpuQuota: 20_000, memoryLimit: 64 })),
    "cpu.shares=102 cpu.cfs_period_us=100000 cpu.cfs_quota_us=20000 memory.limit_in_bytes=64",
  );
  assert.match(
    text(filesV1({ cpuShares: 2, cpuQuota: 0, memoryLimit: 0 })),
    /cfs_quota_us=-1 memory\.limit_in_bytes=-1$/,
  );
});

test("limits in the files of version 2", () => {
  assert.equal(
    text(filesV2({ cpuShares: 1024, cpuQuota: 20_000, memoryLimit: 64 })),
    "cpu.weight=39 cpu.max=20000 100000 memory.max=64",
  );
  assert.equal(
    text(filesV2({ cpuShares: 2, cpuQuota: 0, memoryLimit: 0 })),
    "cpu.weight=1 cpu.max=max 100000 memory.max=max",
  );
});

test("weights span the whole range of shares", () => {
  assert.deepEqual([2, 1024, 262_144].map(weightOf), [1, 39, 10_000]);
});

const podOf = (...containers: readonly Container["resources"][]): Pod => ({
  spec: { containers: containers.map((resources, i) => ({ name: `c${i}`, resources })) },
});

const cases: readonly (readonly [name: string, pod: Pod, limits: object])[] = [
  ["nothing asked", podOf({}), { cpuShares: 2, cpuQuota: 0, memoryLimit: 0 }],
  [
    "all limited: the sums",
    podOf(
      { limits: { cpu: "100m", memory: "1Mi" } },
      { requests: { cpu: "50m" }, limits: { cpu: "200m", memory: "2Mi" } },
    ),
    { cpuShares: 153, cpuQuota: 30_000, memoryLimit: 3 * 1024 ** 2 },
  ],
  [
    "one unlimited: no limit",
    podOf({ limits: { cpu: "1", memory: "1Mi" } }, { requests: { cpu: "1" } }),
    { cpuShares: 2048, cpuQuota: 0, memoryLimit: 0 },
  ],
];
for (const [name, pod, limits] of cases) {
  test(`a pod's cgroup, ${name}`, () => {
    assert.deepEqual(limitsOf(pod), limits);
  });
}
