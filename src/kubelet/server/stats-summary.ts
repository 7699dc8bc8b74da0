/** GET /stats/summary and /metrics/resource. upstream: staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go */
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { MachineFacts, MachineUse } from "../node/machine.ts";
import { containerNameOf } from "../pleg/pod-runtime.ts";
import { podName, podNamespace, podUid } from "../pods/pod.ts";
import type { ContainerStats, Runtime } from "../runtime/runtime.ts";
import { timeOfNanos } from "../status/container-status.ts";
import type { KubeletView } from "./kubelet-view.ts";

export interface StatsDeps {
  readonly view: KubeletView;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly machine: {
    facts(): Promise<MachineFacts>;
    use(): Promise<MachineUse>;
    /** CPU time of the whole machine since it booted. */
    cpuUsageNanos(): Promise<bigint>;
  };
}

interface CpuSample {
  readonly timestamp: bigint;
  readonly usageNanos: bigint;
}

interface Measured {
  readonly name: string;
  readonly startTime: string | undefined;
  readonly stats: ContainerStats;
}

interface CpuStats {
  readonly time: string;
  readonly usageNanoCores?: number;
  readonly usageCoreNanoSeconds: number;
}

/** Rates need two readings: the one before is remembered here. */
export class StatsSummary {
  readonly #deps: StatsDeps;
  readonly #samples = new Map<string, CpuSample>();

  constructor(deps: StatsDeps) {
    this.#deps = deps;
  }

  async summary(): Promise<object> {
    const pods = await Promise.all(this.#deps.view.pods().map((pod) => this.#pod(pod)));
    const known = new Set(pods.flatMap(({ ids }) => ids));
    for (const id of this.#samples.keys()) if (id !== nodeKey && !known.has(id)) this.#samples.delete(id);
    return { node: await this.#node(), pods: pods.map(({ stats }) => stats) };
  }

  /** Prometheus text with what metrics-server reads. */
  async resourceMetrics(): Promise<string> {
    const lines: string[] = [];
    const now = this.#deps.clock.now();
    const machine = await this.#machine();
    lines.push(
      "# TYPE node_cpu_usage_seconds_total counter",
      `node_cpu_usage_seconds_total ${seconds(machine.cpuNanos)} ${now}`,
      "# TYPE node_memory_working_set_bytes gauge",
      `node_memory_working_set_bytes ${machine.workingSet} ${now}`,
    );
    const cpu: string[] = [];
    const memory: string[] = [];
    const started: string[] = [];
    for (const pod of this.#deps.view.pods()) {
      for (const { name, stats, startTime } of await this.#containers(pod)) {
        const labels = `{container=${quoted(name)},namespace=${quoted(podNamespace(pod))},pod=${quoted(podName(pod))}}`;
        const at = stats.timestamp / 1_000_000n;
        cpu.push(`container_cpu_usage_seconds_total${labels} ${seconds(stats.cpuUsageNanos)} ${at}`);
        memory.push(`container_memory_working_set_bytes${labels} ${stats.memoryWorkingSetBytes} ${at}`);
        if (startTime !== undefined) started.push(`container_start_time_seconds${labels} ${startTime}`);
      }
    }
    lines.push(
      "# TYPE container_cpu_usage_seconds_total counter",
      ...cpu,
      "# TYPE container_memory_working_set_bytes gauge",
      ...memory,
      "# TYPE scrape_error gauge",
      "scrape_error 0",
    );
    return `${lines.join("\n")}\n`;
  }

  async #pod(pod: Pod): Promise<{ readonly ids: readonly string[]; readonly stats: object }> {
    const measured = await this.#containers(pod);
    const containers = measured.map(({ name, startTime, stats }) => ({
      name,
      startTime,
      cpu: this.#cpu(stats.containerId, { timestamp: stats.timestamp, usageNanos: stats.cpuUsageNanos }),
      memory: memoryOf(stats),
    }));
    const sum = (pick: (stats: ContainerStats) => number): number =>
      measured.reduce((total, { stats }) => total + pick(stats), 0);
    const time = toRfc3339(this.#deps.clock.now());
    return {
      ids: measured.map(({ stats }) => stats.containerId),
      stats: {
        podRef: { name: podName(pod), namespace: podNamespace(pod), uid: podUid(pod) },
        startTime: pod.status?.startTime,
        containers,
        cpu: {
          time,
          usageNanoCores: containers.reduce((total, { cpu }) => total + (cpu.usageNanoCores ?? 0), 0),
          usageCoreNanoSeconds: sum(({ cpuUsageNanos }) => Number(cpuUsageNanos)),
        },
        memory: {
          time,
          usageBytes: sum(({ memoryUsageBytes }) => memoryUsageBytes),
          workingSetBytes: sum(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
          rssBytes: sum(({ memoryRssBytes }) => memoryRssBytes),
        },
      },
    };
  }

  async #containers(pod: Pod): Promise<readonly Measured[]> {
    const { view, runtime } = this.#deps;
    const { containers } = await view.runtimeOf(podUid(pod));
    const running = containers.filter(({ state }) => state === "running");
    const all = await Promise.all(
      running.map(async (status): Promise<Measured | undefined> => {
        // It may end between the two questions.
        const stats = await runtime.containerStats(status.id).catch(() => undefined);
        if (stats === undefined) return undefined;
        return { name: containerNameOf(status), startTime: timeOfNanos(status.startedAt), stats };
      }),
    );
    return all.filter((one) => one !== undefined);
  }

  async #machine(): Promise<{
    readonly cpuNanos: bigint;
    readonly workingSet: bigint;
    readonly use: MachineUse;
    readonly facts: MachineFacts;
  }> {
    const { machine } = this.#deps;
    const [facts, use, cpuNanos] = await Promise.all([
      machine.facts(),
      machine.use(),
      machine.cpuUsageNanos(),
    ]);
    return { cpuNanos, workingSet: facts.memoryBytes - use.memoryAvailableBytes, use, facts };
  }

  async #node(): Promise<object> {
    const { view, clock } = this.#deps;
    const { cpuNanos, workingSet, use } = await this.#machine();
    const time = toRfc3339(clock.now());
    return {
      nodeName: view.node()?.metadata?.name ?? "",
      startTime: view.node()?.metadata?.creationTimestamp,
      cpu: this.#cpu(nodeKey, { timestamp: BigInt(clock.now()) * 1_000_000n, usageNanos: cpuNanos }),
      memory: {
        time,
        availableBytes: Number(use.memoryAvailableBytes),
        usageBytes: Number(workingSet),
        workingSetBytes: Number(workingSet),
      },
      fs: {
        time,
        availableBytes: Number(use.storageAvailableBytes),
        capacityBytes: Number(use.storageBytes),
        usedBytes: Number(use.storageBytes - use.storageAvailableBytes),
        inodesFree: Number(use.inodesFree),
        inodes: Number(use.inodes),
        inodesUsed: Number(use.inodes - use.inodesFree),
      },
      rlimit: { time, maxpid: use.pidsMax, curproc: use.pidsUsed },
    };
  }

  #cpu(key: string, sample: CpuSample): CpuStats {
    const before = this.#samples.get(key);
    this.#samples.set(key, sample);
    const base = {
      time: timeOfNanos(sample.timestamp) ?? toRfc3339(this.#deps.clock.now()),
      usageCoreNanoSeconds: Number(sample.usageNanos),
    };
    if (before === undefined || sample.timestamp <= before.timestamp) return base;
    const share = Number(sample.usageNanos - before.usageNanos) / Number(sample.timestamp - before.timestamp);
    return { ...base, usageNanoCores: Math.max(0, Math.round(share * 1e9)) };
  }
}

const nodeKey = "";
const seconds = (nanos: bigint): string => (Number(nanos) / 1e9).toString();
const quoted = (text: string): string => JSON.stringify(text);

function memoryOf(stats: ContainerStats): object {
  return {
    time: timeOfNanos(stats.timestamp),
    usageBytes: stats.memoryUsageBytes,
    workingSetBytes: stats.memoryWorkingSetBytes,
    rssBytes: stats.memoryRssBytes,
  };
}
