/**
 * A container as the OCI runtime specification writes it (config.json). Pure: everything about the machine is handed in.
 * The defaults are what CRI runtimes give: capabilities, masked paths, mounts.
 */
import type { ContainerConfig, LinuxResources, Mount, SandboxConfig } from "../runtime.ts";
import { seccompProfile } from "./seccomp.ts";
import type { ProcessUser } from "./users.ts";

/** What the machine allows and has. */
export interface MachineFacts {
  /** Capabilities this process may hand on: "CAP_CHOWN" … */
  readonly capabilities: readonly string[];
  /** The least oom_score_adj a child may be given. */
  readonly oomScoreAdjMin: number;
  readonly openFilesMax: number;
  readonly hasUnifiedCgroups: boolean;
  /** uname's machine: "x64" or "arm64". */
  readonly arch: string;
  readonly hasSeccomp: boolean;
}

export interface ImageDefaults {
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
}

/** Files of the sandbox, and its namespaces as paths; undefined where the host's or none are used. */
export interface SandboxFiles {
  readonly resolvConf: string;
  readonly hostname: string;
  readonly shm: string;
  readonly netns: string | undefined;
  readonly utsns: string | undefined;
  readonly ipcns: string | undefined;
  /** Of the process that holds the pod's shared process namespace, or of the target's. */
  readonly pidns: string | undefined;
}

export interface BundleInput {
  readonly id: string;
  readonly rootfs: string;
  readonly config: ContainerConfig;
  readonly sandbox: SandboxConfig;
  readonly files: SandboxFiles;
  readonly image: ImageDefaults;
  readonly user: ProcessUser;
  readonly machine: MachineFacts;
  /** Device nodes of the host, for privileged containers and by request. */
  readonly devices: readonly OciDevice[];
}

export interface OciDevice {
  readonly path: string;
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
  /** "rwm" or a part of it. */
  readonly access: string;
}

interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const defaultCapabilities = (
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID " +
  "SETPCAP SETUID SYS_CHROOT"
)
  .split(" ")
  .map((name) => `CAP_${name}`);
const maskedPaths = [
  ..."acpi asound kcore keys latency_stats timer_list timer_stats sched_debug scsi"
    .split(" ")
    .map((name) => `/proc/${name}`),
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

export function containerSpec(input: BundleInput): Record<string, unknown> {
  const { config, sandbox, machine } = input;
  const { privileged } = config.security;
  const usesSeccomp = machine.hasSeccomp && !privileged && config.security.seccomp === "runtime-default";
  const capabilities = capabilitiesOf(config, machine);
  return {
    ociVersion: "1.0.2",
    process: processSpec(input),
    root: { path: input.rootfs, readonly: config.security.readonlyRootfs },
    mounts: mountsOf(input),
    linux: {
      cgroupsPath: `${sandbox.cgroupParent}/${input.id}`,
      namespaces: namespacesOf(input),
      resources: { ...resourcesSpec(config.resources), devices: deviceRules(input) },
      devices: input.devices.map(({ access: _access, ...device }) => device),
      rootfsPropagation: rootPropagation(config.mounts),
      maskedPaths: privileged ? [] : maskedPaths,
      readonlyPaths: privileged ? [] : readonlyPaths,
      ...(usesSeccomp ? { seccomp: seccompProfile(machine.arch, capabilities) } : {}),
    },
  };
}

/** The main process; execs take it with their own command. */
export function processSpec(input: BundleInput): Record<string, unknown> {
  const { config, user, machine, image } = input;
  const capabilities = capabilitiesOf(config, machine);
  const workingDir = config.workingDir === "" ? image.workingDir : config.workingDir;
  const files = machine.openFilesMax;
  return {
    terminal: config.tty,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: commandOf(config, image),
    env: environmentOf(input),
    cwd: workingDir === "" ? "/" : workingDir,
    capabilities: {
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: [],
    },
    rlimits: [{ type: "RLIMIT_NOFILE", hard: files, soft: files }],
    noNewPrivileges: config.security.noNewPrivileges,
    oomScoreAdj: Math.max(config.resources.oomScoreAdj, machine.oomScoreAdjMin),
  };
}

/** A pod's command replaces the image's entrypoint and its arguments; a pod's args replace the arguments only. */
export function commandOf(config: ContainerConfig, image: ImageDefaults): string[] {
  if (config.command.length > 0) return [...config.command, ...config.args];
  return [...image.entrypoint, ...(config.args.length > 0 ? config.args : image.cmd)];
}

function environmentOf({ config, image, sandbox }: BundleInput): string[] {
  const values = new Map<string, string>([["PATH", defaultPath]]);
  if (sandbox.hostname !== "") values.set("HOSTNAME", sandbox.hostname);
  if (config.tty) values.set("TERM", "xterm");
  for (const entry of image.env) {
    const at = entry.indexOf("=");
    if (at > 0) values.set(entry.slice(0, at), entry.slice(at + 1));
  }
  for (const { name, value } of config.env) values.set(name, value);
  return Array.from(values, ([name, value]) => `${name}=${value}`);
}

export function capabilitiesOf(config: ContainerConfig, machine: MachineFacts): string[] {
  const { privileged, addCapabilities, dropCapabilities } = config.security;
  const added = addCapabilities.map(capabilityName);
  const dropped = dropCapabilities.map(capabilityName);
  const possible = new Set(machine.capabilities);
  if (privileged) return [...possible];
  const start = added.includes("CAP_ALL")
    ? [...possible]
    : dropped.includes("CAP_ALL")
      ? []
      : defaultCapabilities;
  const wanted = new Set(start.filter((name) => !dropped.includes(name)));
  for (const name of added) if (name !== "CAP_ALL") wanted.add(name);
  return [...wanted].filter((name) => possible.has(name)).toSorted();
}

function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  return upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}

function namespacesOf({ config, sandbox, files, machine }: BundleInput): { type: string; path?: string }[] {
  const namespaces: { type: string; path?: string }[] = [{ type: "mount" }];
  const join = (type: string, path: string | undefined): void => {
    if (path !== undefined) namespaces.push({ type, path });
  };
  join("network", files.netns);
  join("uts", files.utsns);
  join("ipc", files.ipcns);
  if (config.pid === "container") namespaces.push({ type: "pid" });
  else if (config.pid !== "node") join("pid", files.pidns);
  if (machine.hasUnifiedCgroups && sandbox.namespaces.pid !== "node" && !config.security.privileged) {
    namespaces.push({ type: "cgroup" });
  }
  return namespaces;
}

function mount(destination: string, type: string, source: string, options: readonly string[]): OciMount {
  return { destination, type, source, options };
}

function mountsOf(input: BundleInput): OciMount[] {
  const { config, files } = input;
  const { privileged } = config.security;
  const kernel = ["nosuid", "noexec", "nodev"];
  const writable = privileged ? "rw" : "ro";
  const standard = [
    mount("/proc", "proc", "proc", kernel),
    mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("/dev/pts", "devpts", "devpts", [
      "nosuid",
      "noexec",
      "newinstance",
      "ptmxmode=0666",
      "mode=0620",
      "gid=5",
    ]),
    mount("/dev/mqueue", "mqueue", "mqueue", kernel),
    mount("/sys", "sysfs", "sysfs", [...kernel, writable]),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", [...kernel, "relatime", writable]),
    bind("/dev/shm", files.shm, false),
    bind("/etc/hostname", files.hostname, config.security.readonlyRootfs),
    bind("/etc/resolv.conf", files.resolvConf, config.security.readonlyRootfs),
  ];
  const own = new Set(config.mounts.map(({ containerPath }) => trimSlash(containerPath)));
  const wanted = [
    ...standard.filter(({ destination }) => !own.has(destination)),
    ...config.mounts.map(bindOf),
  ];
  // Outer directories before what is mounted inside them; otherwise in the order of the pod.
  return wanted
    .map((entry, order) => ({ entry, order, depth: entry.destination.split("/").filter(Boolean).length }))
    .toSorted((a, b) => a.depth - b.depth || a.order - b.order)
    .map(({ entry }) => entry);
}

function bind(destination: string, source: string, isReadonly: boolean): OciMount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate", isReadonly ? "ro" : "rw"] };
}

const propagationOptions = {
  private: "rprivate",
  "host-to-container": "rslave",
  bidirectional: "rshared",
} as const;

function bindOf(wanted: Mount): OciMount {
  const options = ["rbind", propagationOptions[wanted.propagation], wanted.readonly ? "ro" : "rw"];
  return { destination: trimSlash(wanted.containerPath), type: "bind", source: wanted.hostPath, options };
}

function trimSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** What is mounted later on the host, or by the container, passes the container's root only if that lets it. */
function rootPropagation(mounts: readonly Mount[]): string {
  if (mounts.some(({ propagation }) => propagation === "bidirectional")) return "rshared";
  return mounts.some(({ propagation }) => propagation === "host-to-container") ? "rslave" : "rprivate";
}

function deviceRules({ config, devices }: BundleInput): object[] {
  if (config.security.privileged) return [{ allow: true, access: "rwm" }];
  const wanted = devices.map(({ type, major, minor, access }) => ({
    allow: true,
    type,
    major,
    minor,
    access,
  }));
  return [{ allow: false, access: "rwm" }, ...wanted];
}

/** Also the body of an update. A zero leaves a value alone. */
export function resourcesSpec(resources: LinuxResources): Record<string, unknown> {
  const { cpuPeriod, cpuQuota, cpuShares, memoryLimit } = resources;
  const cpu = {
    ...(cpuShares > 0 ? { shares: cpuShares } : {}),
    ...(cpuPeriod > 0 ? { period: cpuPeriod } : {}),
    ...(cpuQuota === 0 ? {} : { quota: cpuQuota }),
  };
  // The same limit with swap: a container must not swap.
  const memory = memoryLimit > 0 ? { limit: memoryLimit, swap: memoryLimit } : {};
  return { cpu, memory };
}

/** The process that holds a pod's process namespace: no rights, nothing mounted but /proc. */
export function pauseSpec(input: {
  readonly id: string;
  readonly rootfs: string;
  readonly sandbox: SandboxConfig;
  readonly files: SandboxFiles;
  readonly machine: MachineFacts;
}): Record<string, unknown> {
  const { files, machine } = input;
  const joined = { network: files.netns, uts: files.utsns, ipc: files.ipcns };
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 65_535, gid: 65_535 },
      args: ["/pause"],
      cwd: "/",
      capabilities: {},
      noNewPrivileges: true,
      oomScoreAdj: Math.max(-998, machine.oomScoreAdjMin),
    },
    root: { path: input.rootfs, readonly: true },
    mounts: [mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"])],
    linux: {
      cgroupsPath: `${input.sandbox.cgroupParent}/${input.id}`,
      namespaces: [
        { type: "mount" },
        { type: "pid" },
        ...Object.entries(joined).flatMap(([type, path]) => (path === undefined ? [] : [{ type, path }])),
      ],
      resources: { cpu: { shares: 2 }, devices: [{ allow: false, access: "rwm" }] },
      maskedPaths,
      readonlyPaths,
    },
  };
}
