/**
 * What the kubelet does to the machine for a pod: directories, volumes, cgroups. Two of them: the real one
 * (host/linux-pod-host.ts) and one that touches nothing, for simulated nodes (host/simulated.ts).
 */
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import type { FieldContext } from "../env/field-ref.ts";
import type { Mount } from "../runtime/runtime.ts";
import type { ResolvConf } from "./dns.ts";

/** A volume couldn't be made ready: the pod waits, users see FailedMount. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
  readonly code = "VOLUME_FAILED";
  readonly volume: string;
  constructor(volume: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.volume = volume;
  }
}

export interface ContainerFiles {
  readonly mounts: readonly Mount[];
  /** Where the container's termination message lies on the host; "" when it can't leave one. */
  readonly messageHostPath: string;
}

export interface ContainerFilesInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly env: ReadonlyMap<string, string>;
  readonly context: FieldContext;
  readonly hostname: string;
  readonly domain: string;
}

/** Every method may run twice: the second time finds its work done. */
export interface PodHost {
  /** "/kubepods/burstable/pod<uid>"; "" where there are no cgroups. */
  cgroupParent(pod: Pod): string;
  logDirectory(pod: Pod): string;
  /**
   * Cgroup, directories and volumes; also refreshes volumes whose source changed. Throws VolumeError.
   * Resolves with the milliseconds until it wants to be called again (tokens age), if ever.
   */
  prepare(pod: Pod, context: FieldContext, signal: AbortSignal): Promise<number | undefined>;
  /** The mounts of one container, /etc/hosts and the termination message among them. */
  containerFiles(input: ContainerFilesInput): Promise<ContainerFiles>;
  /** The message an ended container left; at most `bytesMax`. "" for none. */
  terminationMessage(hostPath: string, bytesMax: number): Promise<string>;
  /** The last lines of a log, for FallbackToLogsOnError. */
  logTail(path: string, linesMax: number, bytesMax: number): Promise<string>;
  resolvConf(): Promise<ResolvConf>;
  /** Volumes, cgroup and directories of a pod whose containers are gone. */
  cleanUp(uid: string): Promise<void>;
  /** Logs of a pod that left the API. */
  removeLogs(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): Promise<void>;
  removeContainerLog(path: string): Promise<void>;
  /** Pods that left something on this machine. */
  knownUids(): Promise<readonly string[]>;
  /** The kubelet stops: what no pod needs any more is given back. */
  close(): Promise<void>;
}
