/**
 * The volumes of pods on this machine.
 *
 *   <root>/pods/<uid>/volumes/kubernetes.io~<plugin>/<name>   as upstream lays them
 *   <root>/memory/<uid>/<name>                                on one tmpfs: what holds secrets never touches the disk
 *   <root>/pods/<uid>/volume-subpaths/<volume>/<container>/<index>   bind mounts of subPaths
 * upstream: pkg/volume, pkg/kubelet/volumemanager
 */
import { chmod, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  Container,
  EmptyDirVolumeSource,
  Pod,
  Volume,
  VolumeMount,
} from "#api/generated/types/core-v1.ts";
import { quantityOf, quantityUnits } from "#api/meta/quantity.ts";
import type { Clock } from "#base/clock.ts";
import { numberOf } from "#base/exact-json.ts";
import { errorText } from "#base/log.ts";
import { expand } from "../env/expansion.ts";
import type { ObjectReader } from "../env/environment.ts";
import type { FieldContext } from "../env/field-ref.ts";
import type { NodeAllocatable } from "../env/resource-field.ts";
import type { Mounts } from "../host/mounts.ts";
import { podUid } from "../pods/pod.ts";
import { VolumeError } from "../pods/pod-host.ts";
import { podLimitMilli } from "../pods/qos.ts";
import { StartError } from "../pods/start-error.ts";
import type { CertificateSource } from "../references/pod-certificates.ts";
import type { TrustSource } from "../references/trust-bundles.ts";
import type { Mount } from "../runtime/runtime.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { prepareHostPath } from "./host-path.ts";
import { giveTo } from "./ownership.ts";
import { payloadOf, singleUser } from "./payload.ts";
import { openWithin, resolveSubPath } from "./sub-path.ts";
import type { TokenSource } from "./tokens.ts";

export interface PodVolumesDeps {
  readonly mounts: Mounts;
  readonly clock: Clock;
  readonly objects: ObjectReader;
  readonly tokens: TokenSource;
  readonly trust: TrustSource;
  readonly certificates: CertificateSource;
  readonly allocatable: () => NodeAllocatable;
}

const plugins: readonly (readonly [keyof Volume, string])[] = [
  ["emptyDir", "kubernetes.io~empty-dir"],
  ["configMap", "kubernetes.io~configmap"],
  ["secret", "kubernetes.io~secret"],
  ["downwardAPI", "kubernetes.io~downward-api"],
  ["projected", "kubernetes.io~projected"],
];

const subPathMode = 0o750;

export class PodVolumes {
  readonly #root: string;
  readonly #deps: PodVolumesDeps;
  #memory: Promise<void> | undefined;

  constructor(root: string, deps: PodVolumesDeps) {
    this.#root = root;
    this.#deps = deps;
  }

  get memoryDir(): string {
    return join(this.#root, "memory");
  }

  podDir(uid: string): string {
    return join(this.#root, "pods", uid);
  }

  /** Resolves with the milliseconds until something in them wants to be renewed. */
  async prepare(pod: Pod, context: FieldContext): Promise<number | undefined> {
    let refreshMs: number | undefined;
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        const ms = await this.#prepareOne(pod, volume, context);
        if (ms !== undefined) refreshMs = Math.min(refreshMs ?? ms, ms);
      } catch (error) {
        if (error instanceof VolumeError) throw error;
        throw new VolumeError(volume.name, errorText(error), { cause: error });
      }
    }
    return refreshMs;
  }

  async mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<readonly Mount[]> {
    const mounts: Mount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
      if (volume === undefined) {
        throw new StartError(
          "CreateContainerConfigError",
          `cannot find volume "${mount.name}" to mount into container "${container.name}"`,
        );
      }
      mounts.push({
        containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
        hostPath: await this.#sourceOf(pod, volume, { container, mount, index, env }),
        readonly: mount.readOnly === true || isAlwaysReadonly(volume),
        propagation: propagationOf(mount),
      });
    }
    return mounts;
  }

  /** Unmounts and removes everything of the pod. What is mounted is never removed through the mount. */
  async teardown(uid: string): Promise<void> {
    const { mounts, tokens } = this.#deps;
    const dir = this.podDir(uid);
    for (const point of await mounts.below(dir)) await mounts.unmount(point);
    const left = await mounts.below(dir);
    if (left.length > 0) throw new Error(`still mounted: ${left.join(", ")}`);
    await rm(join(this.memoryDir, uid), { recursive: true, force: true });
    await rm(dir, { recursive: true, force: true });
    tokens.forget(uid);
  }

  /** When no pod is left. */
  async close(): Promise<void> {
    const dir = this.memoryDir;
    this.#memory = undefined;
    for (const point of await this.#deps.mounts.below(dir)) await this.#deps.mounts.unmount(point);
    await rm(dir, { recursive: true, force: true });
  }

  async #prepareOne(pod: Pod, volume: Volume, context: FieldContext): Promise<number | undefined> {
    if (volume.hostPath !== undefined) {
      await prepareHostPath(volume.name, volume.hostPath);
      return undefined;
    }
    const path = this.#pathOf(pod, volume);
    if (volume.emptyDir !== undefined) {
      await this.#prepareEmptyDir(pod, { volume, source: volume.emptyDir, path });
      return undefined;
    }
    const allocatable = this.#deps.allocatable();
    const payload = await payloadOf({ ...this.#deps, pod, volume, context, allocatable });
    if (payload === undefined) throw new VolumeError(volume.name, "no volume plugin matched");
    if (isSecretive(volume)) await this.#mountMemory();
    await mkdir(path, { recursive: true, mode: 0o755 });
    const fsGroup = numberOf(pod.spec?.securityContext?.fsGroup);
    await writeAtomically(path, payload.files, this.#deps.clock.now(), (version) =>
      giveTo(version, {
        fsGroup,
        readonly: true,
        fileOwner: isOfItsUser(volume) ? singleUser(pod) : undefined,
      }),
    );
    return payload.refreshMs;
  }

  #pathOf(pod: Pod, volume: Volume): string {
    if (volume.hostPath !== undefined) return volume.hostPath.path;
    if (isSecretive(volume)) return join(this.memoryDir, podUid(pod), volume.name);
    const plugin = plugins.find(([field]) => volume[field] !== undefined)?.[1];
    if (plugin === undefined) throw new VolumeError(volume.name, "no volume plugin matched");
    return join(this.podDir(podUid(pod)), "volumes", plugin, volume.name);
  }

  /** One for all pods: a mount per volume would cost each pod's start some milliseconds. */
  #mountMemory(): Promise<void> {
    this.#memory ??= this.#mountMemoryOnce().catch((error: unknown) => {
      this.#memory = undefined;
      throw error;
    });
    return this.#memory;
  }

  async #mountMemoryOnce(): Promise<void> {
    const { mounts } = this.#deps;
    const dir = this.memoryDir;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if ((await mounts.below(dir)).includes(dir)) return; // an earlier kubelet's, with its files
    try {
      await mounts.tmpfs(dir, ["mode=0755", "noswap"]);
    } catch {
      await mounts.tmpfs(dir, ["mode=0755"]); // kernels before 6.3
    }
  }

  async #prepareEmptyDir(
    pod: Pod,
    { volume, source, path }: { volume: Volume; source: EmptyDirVolumeSource; path: string },
  ): Promise<void> {
    const { medium = "" } = source;
    if (medium !== "" && medium !== "Memory") {
      throw new VolumeError(volume.name, `unknown storage medium "${medium}"`);
    }
    const marker = join(this.podDir(podUid(pod)), "plugins", "kubernetes.io~empty-dir", volume.name, "ready");
    if (await exists(marker)) {
      // After a reboot the disk remembers the volume, but its memory is gone.
      if (medium === "" || (await this.#deps.mounts.below(path)).includes(path)) return;
    }
    await mkdir(path, { recursive: true, mode: 0o777 });
    if (medium === "Memory" && !(await this.#deps.mounts.below(path)).includes(path)) {
      const size = this.#memorySize(pod, source);
      await this.#deps.mounts.tmpfs(path, ["mode=0777", ...(size > 0n ? [`size=${size}`] : [])]);
    }
    await chmod(path, 0o777);
    await giveTo(path, { fsGroup: numberOf(pod.spec?.securityContext?.fsGroup), readonly: false });
    await mkdir(join(marker, ".."), { recursive: true });
    await writeFile(marker, "");
  }

  /** The least of what the volume, the pod's containers and the node allow. 0: the kernel's own default. */
  #memorySize(pod: Pod, { sizeLimit }: EmptyDirVolumeSource): bigint {
    const limits = [
      quantityUnits(quantityOf(sizeLimit)),
      (podLimitMilli(pod, "memory") ?? 0n) / 1000n,
      quantityUnits(quantityOf(this.#deps.allocatable()["memory"])),
    ].filter((size) => size > 0n);
    return limits.reduce((least, size) => (size < least ? size : least), limits[0] ?? 0n);
  }

  async #sourceOf(
    pod: Pod,
    volume: Volume,
    place: {
      readonly container: Container;
      readonly mount: VolumeMount;
      readonly index: number;
      readonly env: ReadonlyMap<string, string>;
    },
  ): Promise<string> {
    const volumePath = this.#pathOf(pod, volume);
    const { mount, container, index, env } = place;
    const subPath = subPathOf(mount, env);
    if (subPath === "") return volumePath;
    const { mounts } = this.#deps;
    const real = await resolveSubPath(volumePath, subPath, subPathMode);
    const target = join(
      this.podDir(podUid(pod)),
      "volume-subpaths",
      volume.name,
      container.name,
      String(index),
    );
    for (const point of await mounts.below(target)) await mounts.unmount(point);
    await using source = await openWithin(volumePath, real);
    await makeTarget(target, (await source.stat()).isDirectory());
    await mounts.bind(`/proc/${process.pid}/fd/${source.fd}`, target);
    return target;
  }
}

function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string {
  const expression = mount.subPathExpr ?? "";
  const subPath =
    expression === ""
      ? (mount.subPath ?? "")
      : expand(expression, (name) => {
          const value = env.get(name);
          if (value === undefined || value === "") {
            throw new StartError("CreateContainerConfigError", `missing value for "${name}"`);
          }
          return value;
        });
  if (subPath.startsWith("/")) {
    throw new StartError(
      "CreateContainerConfigError",
      `error SubPath ${JSON.stringify(subPath)} must not be an absolute path`,
    );
  }
  if (subPath.split("/").includes("..")) {
    throw new StartError(
      "CreateContainerConfigError",
      `unable to provision SubPath ${JSON.stringify(subPath)}: must not contain '..'`,
    );
  }
  return subPath;
}

/** A bind mount needs something of the same kind to hide. */
async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await mkdir(isDirectory ? target : join(target, ".."), { recursive: true, mode: subPathMode });
  if (!isDirectory) await writeFile(target, "", { mode: 0o640 });
}

const isOfItsUser = ({ projected }: Volume): boolean =>
  projected?.sources?.some(
    ({ serviceAccountToken, clusterTrustBundle, podCertificate }) =>
      (serviceAccountToken ?? clusterTrustBundle ?? podCertificate) !== undefined,
  ) === true;

/** Never written to a disk. */
const isSecretive = ({ secret, projected }: Volume): boolean =>
  secret !== undefined || projected !== undefined;

const isAlwaysReadonly = ({ configMap, secret, downwardAPI, projected }: Volume): boolean =>
  configMap !== undefined || secret !== undefined || downwardAPI !== undefined || projected !== undefined;

function propagationOf({ mountPropagation }: VolumeMount): Mount["propagation"] {
  if (mountPropagation === "Bidirectional") return "bidirectional";
  return mountPropagation === "HostToContainer" ? "host-to-container" : "private";
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
