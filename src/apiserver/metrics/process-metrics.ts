/**
 * What the process takes, read when somebody asks: unlike prom-client's own metrics of the event loop, which wake the
 * process a hundred times a second. Names are those of Go's client where Node has the same thing.
 * upstream: prometheus/client_golang/prometheus/{process_collector_procfsenabled,go_collector_latest}.go
 */
import { readdir, readFile } from "node:fs/promises";
import { Counter, Gauge, type Registry } from "prom-client";
import { errorText, type Logger } from "#base/log.ts";
import { alpha } from "./stability.ts";

export function registerProcessMetrics(registry: Registry, log: Logger): void {
  const registers = [registry];
  const cpu: Counter = new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    const shown: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: async () => {
        try {
          shown.set(await read());
        } catch (error) {
          shown.remove();
          log.debug("a metric can't be read", { name, reason: errorText(error) });
        }
      },
    });
  };
  const startedMs = performance.timeOrigin;
  gauge(
    "process_start_time_seconds",
    alpha("Start time of the process since unix epoch in seconds."),
    () => startedMs / 1000,
  );
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", () => process.memoryUsage.rss());
  gauge(
    "process_virtual_memory_bytes",
    "Virtual memory size in bytes.",
    async () => 1024 * (await ofStatus("VmSize")),
  );
  gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.", () =>
    limit("Max address space"),
  );
  gauge(
    "process_open_fds",
    "Number of open file descriptors.",
    async () => (await readdir("/proc/self/fd")).length - 1,
  );
  gauge("process_max_fds", "Maximum number of open file descriptors.", () => limit("Max open files"));
  gauge("go_threads", "Number of OS threads created.", () => ofStatus("Threads"));
  gauge(
    "go_memstats_heap_alloc_bytes",
    "Number of heap bytes allocated and currently in use, same as go_memstats_alloc_bytes.",
    () => process.memoryUsage().heapUsed,
  );
  gauge(
    "go_memstats_heap_sys_bytes",
    "Number of heap bytes obtained from system.",
    () => process.memoryUsage().heapTotal,
  );
  const version = new Gauge({
    name: "nodejs_version_info",
    help: "The version of Node.js, always 1.",
    labelNames: ["version"],
    registers,
  });
  version.set({ version: process.version }, 1);
}

/** A number of /proc/self/status, in the unit it has there. */
async function ofStatus(field: string): Promise<number> {
  const found = new RegExp(String.raw`^${field}:\s+(\d+)`, "m").exec(
    await readFile("/proc/self/status", "utf8"),
  );
  return Number(found?.[1]);
}

/** The soft limit. As upstream has it, no limit is the greatest number there is. */
async function limit(what: string): Promise<number> {
  const found = new RegExp(String.raw`^${what}\s+(\S+)`, "m").exec(
    await readFile("/proc/self/limits", "utf8"),
  );
  return found?.[1] === "unlimited" ? 2 ** 64 : Number(found?.[1]);
}
