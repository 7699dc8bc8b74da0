/**
 * What the kubelet asks of a container runtime, shaped like CRI v1 (runtime.v1.RuntimeService and ImageService).
 * upstream: staging/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto
 *
 * Promises, held by every driver and tested by one suite (testing/runtime.suite.ts): calls are idempotent as CRI says
 * (stopping what is stopped and removing what is gone succeed); state survives the death of this process: a new driver
 * over the same directories lists the same sandboxes and containers, and running ones kept running and logging;
 * logs are CRI-format files written at logPath; failures are RuntimeError with CRI's gRPC meaning as code.
 */
import type { Duplex } from "node:stream";

export type RuntimeErrorCode =
  | "not-found"
  | "already-exists"
  | "invalid"
  | "deadline"
  | "unavailable"
  | "unknown";

export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type NamespaceMode = "pod" | "container" | "node";

export interface PortMapping {
  readonly protocol: "TCP" | "UDP";
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIP: string;
}

export interface SandboxConfig {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  /** Counts up each time the pod needs a new sandbox. */
  readonly attempt: number;
  readonly hostname: string;
  /** Directory of the pod's logs. */
  readonly logDirectory: string;
  /** The resolv.conf of the pod; absent with host DNS. */
  readonly dns:
    | {
        readonly servers: readonly string[];
        readonly searches: readonly string[];
        readonly options: readonly string[];
      }
    | undefined;
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The pod's cgroup, made and removed by the kubelet: "/kubepods/burstable/pod<uid>". */
  readonly cgroupParent: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly namespaces: {
    readonly network: "pod" | "node";
    readonly pid: NamespaceMode;
    readonly ipc: "pod" | "node";
  };
}

export type SandboxState = "ready" | "notready";

export interface SandboxStatus {
  readonly id: string;
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
  readonly state: SandboxState;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  /** "" on the host's network or when not ready. */
  readonly ip: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly propagation: "private" | "host-to-container" | "bidirectional";
}

export interface LinuxResources {
  /** Microseconds; 0 leaves it alone. */
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  readonly cpuShares: number;
  /** Bytes; 0 means no limit. */
  readonly memoryLimit: number;
  readonly oomScoreAdj: number;
}

export interface ContainerSecurity {
  readonly privileged: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly runAsUser: number | undefined;
  readonly runAsGroup: number | undefined;
  readonly runAsUsername: string;
  readonly supplementalGroups: readonly number[];
  readonly readonlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  readonly seccomp: "runtime-default" | "unconfined";
}

export interface ContainerConfig {
  readonly name: string;
  readonly attempt: number;
  /** A reference as in the pod, or an id from pullImage. */
  readonly image: string;
  /** Empty: the image's entrypoint. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly permissions: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Relative to the sandbox's logDirectory: "main/0.log". */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: LinuxResources;
  readonly security: ContainerSecurity;
  /** `target`: the processes of that container of the same sandbox are seen. */
  readonly pid: NamespaceMode | { readonly target: string };
  /** "" for the image's own, else TERM and so on. */
  readonly stopSignal: string;
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface ContainerStatus {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** Nanoseconds since the epoch; 0 when it didn't happen. */
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  /** "Completed", "Error", "OOMKilled", "StartError", "ContainerCannotRun" … */
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** Process id on the host while running, else 0. */
  readonly pid: number;
}

export interface ContainerStats {
  readonly containerId: string;
  readonly timestamp: bigint;
  readonly cpuUsageNanos: bigint;
  readonly memoryWorkingSetBytes: number;
  readonly memoryUsageBytes: number;
  readonly memoryRssBytes: number;
}

export interface ExecOutput {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
}

/** The ends of an exec or attach. Streams that weren't asked for are undefined. */
export interface Session {
  readonly stdin: NodeJS.WritableStream | undefined;
  readonly stdout: NodeJS.ReadableStream | undefined;
  readonly stderr: NodeJS.ReadableStream | undefined;
  resize(size: { readonly width: number; readonly height: number }): void;
  /** Exit code of an exec (of an attach: of the container, or 0 when detached). */
  readonly exit: Promise<number>;
  /** Detaches; an exec's process is killed. */
  close(): void;
}

export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ImageInfo {
  /** sha256 of the image's config: "sha256:…". */
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  readonly user: string;
  readonly pinned: boolean;
}

export interface ImageAuth {
  readonly username: string;
  readonly password: string;
}

export interface RuntimeEvent {
  readonly type: "created" | "started" | "stopped" | "deleted";
  readonly sandboxId: string;
  readonly podUid: string;
  /** "" when it is about the sandbox itself. */
  readonly containerId: string;
}

export interface Runtime {
  version(): Promise<{ readonly name: string; readonly version: string }>;
  /** Why the runtime or the pod network can't work, or undefined. */
  status(): Promise<{ readonly runtime: string | undefined; readonly network: string | undefined }>;

  runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string>;
  stopSandbox(id: string): Promise<void>;
  /** Removes it with its containers, running ones included. */
  removeSandbox(id: string): Promise<void>;
  sandboxStatus(id: string): Promise<SandboxStatus>;
  listSandboxes(): Promise<readonly SandboxStatus[]>;

  createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Stop signal, then after `graceMs` SIGKILL. Resolves when it is dead. */
  stopContainer(id: string, graceMs: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<ContainerStatus>;
  listContainers(): Promise<readonly ContainerStatus[]>;
  updateResources(id: string, resources: LinuxResources): Promise<void>;
  containerStats(id: string): Promise<ContainerStats>;
  /** After the log file was renamed. */
  reopenLog(id: string): Promise<void>;

  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecOutput>;
  exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session>;
  attach(id: string, options: StreamOptions): Promise<Session>;
  /** A connection to a port on the pod's loopback. */
  portForward(sandboxId: string, port: number): Promise<Duplex>;

  /** Undefined when not present. Accepts references and ids. */
  imageStatus(image: string): Promise<ImageInfo | undefined>;
  listImages(): Promise<readonly ImageInfo[]>;
  /** Returns the image's id. */
  pullImage(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<string>;
  removeImage(image: string): Promise<void>;
  imageFsInfo(): Promise<{
    readonly mountpoint: string;
    readonly usedBytes: number;
    readonly inodesUsed: number;
  }>;

  /** Changes as they happen, best effort: the kubelet also relists. Ends with the signal. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  close(): Promise<void>;
}

/** Gives a sandbox its network: namespace, address, routes. Handed to drivers by the network room through the kubelet. */
export interface SandboxNetwork {
  /** Joins the network namespace at `netns` (a path); returns the pod's address. Idempotent per id. */
  attach(sandbox: {
    readonly id: string;
    readonly netns: string;
    readonly portMappings: readonly PortMapping[];
  }): Promise<{ readonly ip: string }>;
  /** Gives everything back, also when the namespace is gone. Idempotent. */
  detach(id: string): Promise<void>;
  /** Why it can't work yet (no pod CIDR), or undefined. */
  readonly problem: string | undefined;
}
