/** Sandboxes and containers as Docker's API wants them, after cri-dockerd. Pure. */
import { join } from "node:path";
import type { ContainerCreateOptions, HostConfig, MountConfig } from "dockerode";
import type { ContainerConfig, LinuxResources, SandboxConfig } from "../runtime.ts";

/** Labels by which our containers are found again; `record` holds what Docker can't. */
export const labels = {
  kind: "io.mini-k8s.kind",
  owner: "io.mini-k8s.owner",
  sandbox: "io.mini-k8s.sandbox",
  record: "io.mini-k8s.record",
} as const;

export interface SpecFacts {
  /** Which installation a container belongs to: several may share a daemon. */
  readonly owner: string;
  readonly pauseImage: string;
  readonly hasSystemdCgroups: boolean;
  readonly oomScoreAdjMin: number;
}

const sandboxOomScoreAdj = -998;
const sandboxCpuShares = 2;

export function sandboxSpec(config: SandboxConfig, facts: SpecFacts): ContainerCreateOptions {
  const { namespaces, sysctls } = config;
  const isOnHostNetwork = namespaces.network === "node";
  return {
    name: `k8s_POD_${config.name}_${config.namespace}_${config.uid}_${config.attempt}`,
    Image: facts.pauseImage,
    ...(isOnHostNetwork ? {} : { Hostname: config.hostname }),
    Labels: {
      [labels.kind]: "sandbox",
      [labels.owner]: facts.owner,
      [labels.record]: JSON.stringify({ config }),
    },
    HostConfig: {
      NetworkMode: isOnHostNetwork ? "host" : "none",
      IpcMode: namespaces.ipc === "node" ? "host" : "shareable",
      ...(namespaces.pid === "node" ? { PidMode: "host" } : {}),
      CgroupParent: cgroupParent(config.cgroupParent, facts),
      CpuShares: sandboxCpuShares,
      OomScoreAdj: Math.max(sandboxOomScoreAdj, facts.oomScoreAdjMin),
      SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
      LogConfig: { Type: "none", Config: {} },
      Sysctls: { ...sysctls },
      ReadonlyRootfs: true,
    },
  };
}

export interface ContainerSpecInput {
  readonly config: ContainerConfig;
  readonly sandbox: SandboxConfig;
  readonly sandboxId: string;
  /** The image's own user. */
  readonly imageUser: string;
  readonly imageId: string;
  readonly facts: SpecFacts;
}

export function containerSpec(input: ContainerSpecInput): ContainerCreateOptions {
  const { config, sandbox, sandboxId, facts } = input;
  const { name, namespace, uid } = sandbox;
  return {
    name: `k8s_${config.name}_${name}_${namespace}_${uid}_${config.attempt}_${sandboxId.slice(0, 8)}`,
    Image: input.imageId,
    ...(config.command.length > 0 ? { Entrypoint: [...config.command] } : {}),
    ...(config.args.length > 0 ? { Cmd: [...config.args] } : {}),
    Env: config.env.map((variable) => `${variable.name}=${variable.value}`),
    WorkingDir: config.workingDir,
    User: userOf(config, input.imageUser),
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    ...(config.stopSignal === "" ? {} : { StopSignal: config.stopSignal }),
    // The kubelet probes; Docker's own health checks would only cost.
    Healthcheck: { Test: ["NONE"] },
    Labels: {
      [labels.kind]: "container",
      [labels.owner]: facts.owner,
      [labels.sandbox]: sandboxId,
      [labels.record]: JSON.stringify(recordOf(config, sandbox)),
    },
    HostConfig: hostConfigOf(input),
  };
}

/** What is kept of a container's config in its label: the rest is in Docker's own, or secret. */
export interface ContainerRecordLabel {
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly podUid: string;
  /** Of the file; "" for none. */
  readonly logPath: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function recordOf(config: ContainerConfig, sandbox: SandboxConfig): ContainerRecordLabel {
  const { name, attempt, image, tty, stdin, annotations } = config;
  const logPath = config.logPath === "" ? "" : join(sandbox.logDirectory, config.logPath);
  return {
    name,
    attempt,
    image,
    podUid: sandbox.uid,
    logPath,
    tty,
    stdin,
    labels: config.labels,
    annotations,
  };
}

function pidMode(pid: ContainerConfig["pid"], joined: string): string {
  if (typeof pid === "object") return `container:${pid.target}`;
  return pid === "node" ? "host" : pid === "pod" ? joined : "";
}

function hostConfigOf({ config, sandbox, sandboxId, facts }: ContainerSpecInput): HostConfig {
  const { security } = config;
  const joined = `container:${sandboxId}`;
  return {
    NetworkMode: joined,
    IpcMode: sandbox.namespaces.ipc === "node" ? "host" : joined,
    PidMode: pidMode(config.pid, joined),
    ...(sandbox.namespaces.network === "node" ? { UTSMode: "host" } : {}),
    CgroupParent: cgroupParent(sandbox.cgroupParent, facts),
    ...resourcesSpec(config.resources),
    OomScoreAdj: Math.max(config.resources.oomScoreAdj, facts.oomScoreAdjMin),
    Privileged: security.privileged,
    CapAdd: security.addCapabilities.map(plainCapability),
    CapDrop: security.dropCapabilities.map(plainCapability),
    GroupAdd: security.supplementalGroups.map(String),
    ReadonlyRootfs: security.readonlyRootfs,
    SecurityOpt: [
      ...(security.noNewPrivileges ? ["no-new-privileges"] : []),
      ...(security.seccomp === "unconfined" ? ["seccomp=unconfined"] : []),
    ],
    Mounts: config.mounts.map(mountOf),
    Devices: config.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    // The daemon's copy of the log only bridges our absence.
    LogConfig: { Type: "json-file", Config: { "max-size": "64m", "max-file": "2" } },
  };
}

const propagations = {
  private: "rprivate",
  "host-to-container": "rslave",
  bidirectional: "rshared",
} as const;

function mountOf(mount: ContainerConfig["mounts"][number]): MountConfig[number] {
  return {
    Type: "bind",
    Source: mount.hostPath,
    Target: mount.containerPath,
    ReadOnly: mount.readonly,
    BindOptions: { Propagation: propagations[mount.propagation] },
  };
}

function plainCapability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}

function userOf({ security }: ContainerConfig, imageUser: string): string {
  const own = security.runAsUser === undefined ? security.runAsUsername : String(security.runAsUser);
  if (security.runAsGroup === undefined) return own;
  const [user = "0"] = (own === "" ? imageUser : own).split(":");
  return `${user === "" ? "0" : user}:${security.runAsGroup}`;
}

/** Also the body of an update. A zero leaves a value alone; swap is what memory is: none. */
export function resourcesSpec(
  resources: LinuxResources,
): Pick<HostConfig, "CpuShares" | "CpuPeriod" | "CpuQuota" | "Memory" | "MemorySwap"> {
  const { cpuShares, cpuPeriod, cpuQuota, memoryLimit } = resources;
  return {
    ...(cpuShares > 0 ? { CpuShares: cpuShares } : {}),
    ...(cpuPeriod > 0 ? { CpuPeriod: cpuPeriod } : {}),
    ...(cpuQuota === 0 ? {} : { CpuQuota: cpuQuota }),
    ...(memoryLimit > 0 ? { Memory: memoryLimit, MemorySwap: memoryLimit } : {}),
  };
}

/** With the systemd driver a parent is a slice: "/kubepods/burstable/pod1-2" is "kubepods-burstable-pod1_2.slice". */
export function cgroupParent(path: string, facts: Pick<SpecFacts, "hasSystemdCgroups">): string {
  if (!facts.hasSystemdCgroups) return path;
  const parts = path.split("/").filter(Boolean);
  return parts.length === 0 ? "" : `${parts.map((part) => part.replaceAll("-", "_")).join("-")}.slice`;
}
