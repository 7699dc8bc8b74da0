/** What only real containers have: limits, rights, namespaces, files, ports. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerConfig } from "../runtime.ts";
import { scripts } from "./scripts.ts";
import { readAll, type SuiteCase, type SuiteWorld } from "./suite-world.ts";

const mebibyte = 2 ** 20;
const noLimits = { cpuPeriod: 0, cpuQuota: 0, cpuShares: 0, memoryLimit: 0, oomScoreAdj: 0 };

function secure(world: SuiteWorld, changes: Partial<ContainerConfig["security"]>): Partial<ContainerConfig> {
  return { security: { ...world.container("").security, ...changes } };
}

const capabilities = (hex: string): bigint => BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(hex)?.[1] ?? "0"}`);
const netRaw = 1n << 13n;
const sysAdmin = 1n << 21n;

export const limitCases: readonly SuiteCase[] = [
  {
    name: "what needs more memory than it may is OOMKilled",
    needsKernel: true,
    run: async (world) => {
      const resources = { ...noLimits, memoryLimit: 16 * mebibyte };
      const { id } = await world.start("exec tail -c 300000000 /dev/zero", { resources });
      const { exitCode, reason } = await world.ended(id);
      assert.deepEqual([exitCode, reason], [137, "OOMKilled"]);
    },
  },
  {
    name: "usage is measured, and limits can be changed while it runs",
    needsKernel: true,
    run: async (world) => {
      const resources = { ...noLimits, cpuShares: 100, memoryLimit: 64 * mebibyte, oomScoreAdj: -997 };
      const { id } = await world.start(scripts.forever, { resources });
      await world.logged(id, "ready");
      const stats = await world.runtime.containerStats(id);
      assert(stats.cpuUsageNanos > 0n);
      assert(stats.memoryUsageBytes > 0 && stats.memoryWorkingSetBytes <= stats.memoryUsageBytes);
      const limit =
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
      const read = async (): Promise<number> =>
        Number((await world.runtime.execSync(id, ["sh", "-c", limit], 10_000)).stdout.toString());
      assert.equal(await read(), 64 * mebibyte);
      await world.runtime.updateResources(id, { ...resources, memoryLimit: 32 * mebibyte });
      assert.equal(await read(), 32 * mebibyte);
    },
  },
];

export const rightsCases: readonly SuiteCase[] = [
  {
    name: "users and groups: the image's by default, the pod's when it says",
    needsKernel: true,
    run: async (world) => {
      assert.equal(await world.output("id -u; id -g"), "0\n0");
      const named = { runAsUser: 65_534, runAsGroup: 1_234, supplementalGroups: [77] };
      assert.match(
        await world.output("id -u; id -g; id -G", secure(world, named)),
        /^65534\n1234\n.*\b77\b/s,
      );
    },
  },
  {
    name: "an exec's files are readable by others, as the container's own are",
    needsKernel: true,
    run: async (world) => {
      assert.equal(await world.output("umask"), "0022");
      const { id } = await world.start(scripts.forever);
      const { stdout } = await world.runtime.execSync(id, ["sh", "-c", "umask"], 10_000);
      assert.equal(stdout.toString(), "0022\n");
    },
  },
  {
    name: "capabilities: the usual ones, dropped ones not, all of them when privileged",
    needsKernel: true,
    run: async (world) => {
      const script = "grep CapEff /proc/self/status; ls /dev | grep -c .";
      const usual = capabilities(await world.output(script));
      assert.deepEqual([usual & netRaw, usual & sysAdmin], [netRaw, 0n]);
      const none = capabilities(await world.output(script, secure(world, { dropCapabilities: ["ALL"] })));
      assert.equal(none, 0n);
      const one = { dropCapabilities: ["ALL"], addCapabilities: ["NET_RAW"] };
      assert.equal(capabilities(await world.output(script, secure(world, one))), netRaw);
      if (!world.options.canBePrivileged) return;
      const privileged = capabilities(await world.output(script, secure(world, { privileged: true })));
      assert.equal(privileged & sysAdmin, sysAdmin);
    },
  },
  {
    name: "a read-only root, no new privileges, and system calls that ordinary programs don't need",
    needsKernel: true,
    run: async (world) => {
      assert.match(
        await world.output("touch /x 2>&1", secure(world, { readonlyRootfs: true })),
        /Read-only file system/,
      );
      const script = "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\t\\n'";
      assert.equal(
        await world.output(script, secure(world, { noNewPrivileges: true })),
        "NoNewPrivs:1Seccomp:2",
      );
      assert.equal(
        await world.output(script, secure(world, { seccomp: "unconfined" })),
        "NoNewPrivs:0Seccomp:0",
      );
      assert.match(await world.output("unshare -m true 2>&1 || echo refused"), /refused/);
    },
  },
];

export const surroundingCases: readonly SuiteCase[] = [
  {
    name: "environment, working directory, hostname and resolv.conf",
    needsKernel: true,
    run: async (world) => {
      const env = [{ name: "GREETING", value: "good = day" }];
      const { id, sandbox } = await world.start('echo "$GREETING"; pwd; hostname; cat /etc/resolv.conf', {
        env,
        workingDir: "/var/www",
      });
      await world.ended(id);
      assert.deepEqual(
        (await world.lines(id)).map(({ text }) => text),
        [
          "good = day",
          "/var/www",
          sandbox.hostname,
          "search svc.cluster.local",
          "nameserver 10.43.0.10",
          "options ndots:5",
        ],
      );
    },
  },
  {
    name: "a pod's sysctls are its own",
    needsKernel: true,
    run: async (world) => {
      const sysctls = { "net.ipv4.ip_unprivileged_port_start": "77", "kernel.shm_rmid_forced": "1" };
      const files = Object.keys(sysctls).map((name) => `/proc/sys/${name.replaceAll(".", "/")}`);
      const host = await Promise.all(files.map((file) => readFile(file, "utf8")));
      const { id } = await world.start(`cat ${files.join(" ")}`, {}, { sysctls });
      await world.ended(id);
      assert.deepEqual(
        (await world.lines(id)).map(({ text }) => text),
        ["77", "1"],
      );
      assert.deepEqual(await Promise.all(files.map((file) => readFile(file, "utf8"))), host);
    },
  },
  {
    name: "mounts: writable, read-only, missing directories made, one inside the other",
    needsKernel: true,
    run: async (world) => {
      const directory = join(world.options.directory, "volumes");
      await mkdir(join(directory, "rw"), { recursive: true });
      await mkdir(join(directory, "ro"), { recursive: true });
      await writeFile(join(directory, "ro", "file"), "from the host");
      const mount = (
        containerPath: string,
        hostPath: string,
        readonly: boolean,
      ): ContainerConfig["mounts"][number] => ({
        containerPath,
        hostPath: join(directory, hostPath),
        readonly,
        propagation: "private",
      });
      const script = "echo hi >/data/out; cat /data/inner/file; touch /data/inner/x 2>&1; ls -d /data/new";
      const mounts = [
        mount("/data/inner", "ro", true),
        mount("/data", "rw", false),
        mount("/data/new", "new", false),
      ];
      assert.match(
        await world.output(script, { mounts }),
        /^from the host.*Read-only file system\n\/data\/new$/s,
      );
      assert.equal(await readFile(join(directory, "rw", "out"), "utf8"), "hi\n");
    },
  },
  {
    name: "containers of a pod share network and shared memory, and processes when they say so",
    needsKernel: true,
    run: async (world) => {
      const namespaces = { network: "pod", pid: "pod", ipc: "pod" } as const;
      const script = "echo shared >/dev/shm/x; exec sleep 1212";
      const { sandboxId, sandbox } = await world.start(script, { pid: "pod" }, { namespaces });
      const second = await world.add(
        sandboxId,
        sandbox,
        world.container(
          "until [ -e /dev/shm/x ]; do sleep 0.05; done; cat /dev/shm/x; ps | grep -c '[s]leep 1212'",
          {
            name: "second",
            pid: "pod",
            logPath: "second/0.log",
          },
        ),
      );
      assert.equal((await world.ended(second)).exitCode, 0);
      assert.deepEqual(
        (await world.lines(second)).map(({ text }) => text),
        ["shared", "1"],
      );
    },
  },
  {
    name: "a container sees its target's processes, and none without a target that runs",
    needsKernel: true,
    run: async (world) => {
      const { id, sandboxId, sandbox } = await world.start("exec sleep 1313");
      const looking = (name: string, target: string): ContainerConfig =>
        world.container("ps | grep -c '[s]leep 1313'", {
          name,
          pid: { target },
          logPath: `${name}/0.log`,
        });
      const second = await world.add(sandboxId, sandbox, looking("second", id));
      assert.equal((await world.ended(second)).exitCode, 0);
      assert.equal((await world.lines(second))[0]?.text, "1");
      await world.runtime.stopContainer(id, 0);
      await assert.rejects(world.add(sandboxId, sandbox, looking("third", id)));
    },
  },
  {
    name: "a pod on the host's network sees the host",
    needsKernel: true,
    run: async (world) => {
      const namespaces = { network: "node", pid: "container", ipc: "pod" } as const;
      const { id, sandboxId } = await world.start(
        "readlink /proc/self/ns/net",
        {},
        { namespaces, hostname: "" },
      );
      await world.ended(id);
      assert.equal((await world.runtime.sandboxStatus(sandboxId)).ip, "");
      assert.match((await world.lines(id))[0]?.text ?? "", /^net:\[\d+\]$/);
      await assert.rejects(
        world.runtime.portForward(sandboxId, 48_081),
        /failed to connect to localhost:48081/,
      );
    },
  },
  {
    name: "a port of the pod's loopback can be reached, one where nobody listens can't",
    needsKernel: true,
    run: async (world) => {
      const script =
        "mkdir /www; echo hi >/www/index.html; echo ready; exec httpd -f -p 127.0.0.1:8080 -h /www";
      const { id, sandboxId } = await world.start(script);
      await world.logged(id, "ready");
      await world.runtime.execSync(
        id,
        ["sh", "-c", "until wget -qO- 127.0.0.1:8080; do sleep 0.05; done"],
        10_000,
      );
      const connection = await world.runtime.portForward(sandboxId, 8080);
      connection.end("GET / HTTP/1.0\r\n\r\n");
      assert.match(await readAll(connection), /200 OK[^]*hi\n$/);
      await assert.rejects(world.runtime.portForward(sandboxId, 8081), /connection refused/);
    },
  },
];
