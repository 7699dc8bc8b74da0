import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Cgroups, findCgroupMounts } from "./cgroups.ts";

const root = mkdtempSync(join(tmpdir(), "mini-k8s-cgroups-"));
after(() => {
  rmSync(root, { recursive: true });
});

const mountLine = (path: string, type: string, options: string): string =>
  `30 25 0:26 / ${path} rw,nosuid shared:9 - ${type} ${type} ${options}`;

const hybrid = [
  mountLine("/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
  mountLine("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
  mountLine("/sys/fs/cgroup/unified", "cgroup2", "rw"),
].join("\n");

test("version 1, with a second hierarchy that counts for nothing", () => {
  const { unified, controllers } = findCgroupMounts(hybrid);
  assert.equal(unified, undefined);
  assert.equal(controllers.get("cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
});

test("version 2 alone", () => {
  assert.equal(findCgroupMounts(mountLine("/sys/fs/cgroup", "cgroup2", "rw")).unified, "/sys/fs/cgroup");
});

const write = (files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
};

test("usage of version 1", async () => {
  write({
    "v1/cpuacct/a/cpuacct.usage": "9007199254740993\n",
    "v1/memory/a/memory.usage_in_bytes": "1000\n",
    "v1/memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 300\ntotal_rss 500\n",
    "v1/memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
  });
  const controllers = new Map([
    ["memory", join(root, "v1/memory")],
    ["cpuacct", join(root, "v1/cpuacct")],
  ]);
  const cgroups = new Cgroups({ unified: undefined, controllers });
  assert.deepEqual(await cgroups.usage("/a"), {
    cpuUsageNanos: 9007199254740993n,
    memoryUsageBytes: 1000,
    memoryWorkingSetBytes: 700,
    memoryRssBytes: 500,
  });
  assert.equal(await cgroups.oomKills("/a"), 2);
  assert.equal(await cgroups.oomKills("/gone"), 0);
  await assert.rejects(cgroups.usage("/gone"), { code: "not-found" });
  assert.equal(cgroups.pathOf("12:pids:/x\n8:memory:/kubepods/a\n0::/other"), "/kubepods/a");
});

test("usage of version 2", async () => {
  write({
    "v2/a/cpu.stat": "usage_usec 1500\nuser_usec 1\n",
    "v2/a/memory.current": "1000\n",
    "v2/a/memory.stat": "anon 400\ninactive_file 2000\n",
    "v2/a/memory.events": "low 0\noom 1\noom_kill 1\n",
  });
  const cgroups = new Cgroups({ unified: join(root, "v2"), controllers: new Map() });
  assert.deepEqual(await cgroups.usage("/a"), {
    cpuUsageNanos: 1_500_000n,
    memoryUsageBytes: 1000,
    memoryWorkingSetBytes: 0,
    memoryRssBytes: 400,
  });
  assert.equal(await cgroups.oomKills("/a"), 1);
  assert.equal(cgroups.pathOf("0::/kubepods/a\n"), "/kubepods/a");
});
