/** This machine. upstream: cadvisor's machine info, pkg/kubelet/nodestatus/setters.go */
import { readdir, readFile, statfs } from "node:fs/promises";
import { arch, cpus, release } from "node:os";
import { readTextIfExists } from "#base/files.ts";
import type { Machine, MachineFacts, MachineUse } from "./machine.ts";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const kibibyte = 1024n;
/** The kernel counts CPU time for user space in hundredths of a second. */
const tickNanos = 10_000_000n;

export class LinuxMachine implements Machine {
  readonly #rootDir: string;

  constructor(rootDir: string) {
    this.#rootDir = rootDir;
  }

  async facts(): Promise<MachineFacts> {
    const memory = parseMemInfo(await readFile("/proc/meminfo", "utf8"));
    const disk = await statfs(this.#rootDir, { bigint: true });
    const machineId = (await firstText(["/etc/machine-id", "/var/lib/dbus/machine-id"])).trim();
    return {
      architecture: architectures[arch()] ?? arch(),
      kernelVersion: release(),
      osImage: osName(await firstText(["/etc/os-release", "/usr/lib/os-release"])),
      machineId,
      systemUuid: (await firstText(["/sys/class/dmi/id/product_uuid", "/etc/machine-id"])).trim(),
      bootId: (await firstText(["/proc/sys/kernel/random/boot_id"])).trim(),
      cpus: cpus().length,
      memoryBytes: memory("MemTotal"),
      swapBytes: memory("SwapTotal"),
      storageBytes: disk.blocks * disk.bsize,
      hugepages: await hugepages(),
      oomScoreMin: await oomScoreMin(),
    };
  }

  /** CPU time spent on this machine since it booted: all but idle and waiting. */
  async cpuUsageNanos(): Promise<bigint> {
    const line = /^cpu +(.*)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1] ?? "";
    const [user = 0n, nice = 0n, system = 0n, , , irq = 0n, softirq = 0n, steal = 0n] = line
      .split(" ")
      .map(BigInt);
    return (user + nice + system + irq + softirq + steal) * tickNanos;
  }

  async use(): Promise<MachineUse> {
    const [memory, disk, load, pidMax] = await Promise.all([
      readFile("/proc/meminfo", "utf8").then(parseMemInfo),
      statfs(this.#rootDir, { bigint: true }),
      readFile("/proc/loadavg", "utf8"),
      firstText(["/proc/sys/kernel/pid_max"]),
    ]);
    return {
      memoryAvailableBytes: memory("MemAvailable"),
      storageAvailableBytes: disk.bavail * disk.bsize,
      storageBytes: disk.blocks * disk.bsize,
      inodesFree: disk.ffree,
      inodes: disk.files,
      pidsUsed: Number(/\/(\d+) /.exec(load)?.[1] ?? "0"),
      pidsMax: Number(pidMax.trim() || "32768"),
    };
  }
}

/** Values of /proc/meminfo in bytes. */
export function parseMemInfo(text: string): (name: string) => bigint {
  const values = new Map<string, bigint>();
  for (const [, name = "", kilobytes = "0"] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) {
    values.set(name, BigInt(kilobytes) * kibibyte);
  }
  return (name) => values.get(name) ?? 0n;
}

export function osName(osRelease: string): string {
  const match = /^PRETTY_NAME=(?:"([^"]*)"|(.*))$/m.exec(osRelease);
  return match?.[1] ?? match?.[2] ?? "Linux";
}

async function firstText(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = await readTextIfExists(path).catch(() => undefined);
    if (text !== undefined && text !== "") return text;
  }
  return "";
}

async function hugepages(): Promise<Record<string, bigint>> {
  const folder = "/sys/kernel/mm/hugepages";
  const sizes = await readdir(folder).catch(() => []);
  const found: Record<string, bigint> = {};
  for (const size of sizes) {
    const kilobytes = BigInt(/^hugepages-(\d+)kB$/.exec(size)?.[1] ?? "0");
    const count = BigInt((await firstText([`${folder}/${size}/nr_hugepages`])).trim() || "0");
    if (kilobytes > 0n) found[sizeName(kilobytes)] = count * kilobytes * kibibyte;
  }
  return found;
}

function sizeName(kilobytes: bigint): string {
  if (kilobytes % 1_048_576n === 0n) return `${kilobytes / 1_048_576n}Gi`;
  return kilobytes % 1024n === 0n ? `${kilobytes / 1024n}Mi` : `${kilobytes}Ki`;
}

const capSysResource = 24n;

/** Without CAP_SYS_RESOURCE a process may only raise its oom_score_adj; its children start from the same value. */
async function oomScoreMin(): Promise<number> {
  const [own, status] = await Promise.all([
    firstText(["/proc/self/oom_score_adj"]),
    firstText(["/proc/self/status"]),
  ]);
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const maySet = ((effective >> capSysResource) & 1n) === 1n;
  return maySet ? -1000 : Number(own.trim() || "0");
}
