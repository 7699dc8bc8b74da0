/** What this machine lets containers have: asked of the kernel once, at the start. */
import { stat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exec } from "#base/exec.ts";
import type { MachineFacts, OciDevice } from "./bundle.ts";

/** In the order of their numbers. upstream: include/uapi/linux/capability.h */
const capabilityNames = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE " +
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO " +
  "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME " +
  "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG " +
  "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
  .split(" ")
  .map((name) => `CAP_${name}`);

const openFilesMax = 1_048_576;

export async function readMachineFacts(
  runc: string,
  arch: string,
  hasUnifiedCgroups: boolean,
): Promise<MachineFacts> {
  const [status, limits, score, version] = await Promise.all([
    readFile("/proc/self/status", "utf8"),
    readFile("/proc/self/limits", "utf8"),
    readFile("/proc/self/oom_score_adj", "utf8"),
    exec(runc, ["--version"]),
  ]);
  const capabilities = parseCapabilities(status);
  const [, hard = ""] = /^Max open files\s+\S+\s+(\d+)/m.exec(limits) ?? [];
  return {
    capabilities,
    oomScoreAdjMin: oomScoreAdjMin(capabilities, score),
    openFilesMax: Math.min(openFilesMax, hard === "" ? openFilesMax : Number(hard)),
    hasUnifiedCgroups,
    arch,
    hasSeccomp: /^libseccomp:/m.test(version.stdout) && /^Seccomp:/m.test(status),
  };
}

/** Without CAP_SYS_RESOURCE the kernel refuses to go below our own, and runc then fails with a misleading text. */
export function oomScoreAdjMin(capabilities: readonly string[], ownScore: string): number {
  return capabilities.includes("CAP_SYS_RESOURCE") ? -1000 : Number(ownScore);
}

/** What may be handed on, from the text of /proc/self/status. */
export function parseCapabilities(status: string): string[] {
  const set = (field: string): bigint =>
    BigInt(`0x${new RegExp(`^${field}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0"}`);
  const bits = set("CapPrm") & set("CapBnd");
  return capabilityNames.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}

const notDevices = new Set(["pts", "shm", "fd", "mqueue", "console", "hugepages"]);
const devicesMax = 10_000;

/** Every device node under /dev, for privileged containers. */
export async function hostDevices(): Promise<OciDevice[]> {
  const found: OciDevice[] = [];
  const walk = async (directory: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (found.length >= devicesMax) return;
      const path = join(directory, entry.name);
      if (entry.isDirectory() && !notDevices.has(entry.name)) await walk(path);
      else if ((entry.isCharacterDevice() || entry.isBlockDevice()) && !notDevices.has(entry.name)) {
        const device = await deviceAt(path, path, "rwm").catch(() => undefined);
        if (device !== undefined) found.push(device);
      }
    }
  };
  await walk("/dev");
  return found;
}

export async function deviceAt(hostPath: string, containerPath: string, access: string): Promise<OciDevice> {
  const found = await stat(hostPath);
  const { rdev, mode, uid, gid } = found;
  return {
    path: containerPath,
    type: found.isBlockDevice() ? "b" : "c",
    // The kernel's new encoding of device numbers, as glibc has it.
    major: Number((BigInt(rdev) >> 8n) & 0xfffn) | Number((BigInt(rdev) >> 32n) & ~0xfffn),
    minor: Number(BigInt(rdev) & 0xffn) | Number((BigInt(rdev) >> 12n) & ~0xffn & 0xffffffffn),
    fileMode: mode & 0o777,
    uid,
    gid,
    access,
  };
}
