/** This machine, as pods use it: cgroups, directories, volumes, /etc/hosts, logs. upstream: pkg/kubelet/kubelet_pods.go, kubelet_getters.go */
import { chmod, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import { errorCode, readTextIfExists } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import type { FieldContext } from "../env/field-ref.ts";
import { parseResolvConf, type ResolvConf } from "../pods/dns.ts";
import { hostNetworkHostsFile, hostsFile } from "../pods/hosts-file.ts";
import { podName, podNamespace, podUid, usesHostNetwork } from "../pods/pod.ts";
import type { ContainerFiles, ContainerFilesInput, PodHost } from "../pods/pod-host.ts";
import type { PodCgroups } from "../resources/pod-cgroups.ts";
import type { Mount } from "../runtime/runtime.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { tailOfLog } from "../logs/log-tail.ts";

export interface LinuxPodHostOptions {
  /** The kubelet's directory. */
  readonly root: string;
  /** "/var/log/pods" */
  readonly podLogsDir: string;
  readonly resolvConf: string;
}

export interface LinuxPodHostDeps {
  readonly cgroups: PodCgroups | undefined;
  readonly volumes: PodVolumes;
  readonly random: Random;
}

const hostsPath = "/etc/hosts";
const systemdResolvConf = "/run/systemd/resolve/resolv.conf";
const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

export class LinuxPodHost implements PodHost {
  readonly #options: LinuxPodHostOptions;
  readonly #deps: LinuxPodHostDeps;

  constructor(options: LinuxPodHostOptions, deps: LinuxPodHostDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  cgroupParent(pod: Pod): string {
    return this.#deps.cgroups?.pathOf(pod) ?? "";
  }

  logDirectory(pod: Pod): string {
    return this.#logs({ namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) });
  }

  async prepare(pod: Pod, context: FieldContext): Promise<number | undefined> {
    // First the directory: it is what remembers the pod, should we die in the next moment.
    await mkdir(join(this.#podDir(podUid(pod)), "containers"), { recursive: true, mode: 0o750 });
    await this.#deps.cgroups?.ensure(pod);
    await mkdir(this.logDirectory(pod), { recursive: true, mode: 0o755 });
    return this.#deps.volumes.prepare(pod, context);
  }

  async containerFiles(input: ContainerFilesInput): Promise<ContainerFiles> {
    const { pod, container, env } = input;
    const mounts = [...(await this.#deps.volumes.mounts(pod, container, env))];
    const isOwnHosts = mounts.some(({ containerPath }) => containerPath === hostsPath);
    if (!isOwnHosts) mounts.push(await this.#hostsMount(input));
    const message = await this.#messageMount(pod, container);
    if (message !== undefined) mounts.push(message);
    return { mounts, messageHostPath: message?.hostPath ?? "" };
  }

  async terminationMessage(hostPath: string, bytesMax: number): Promise<string> {
    try {
      await using file = await open(hostPath, "r");
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
      return buffer.toString("utf8", 0, bytesRead);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return "";
      return `Error on reading termination-log ${hostPath}: ${String(error)}`;
    }
  }

  logTail(path: string, linesMax: number, bytesMax: number): Promise<string> {
    return tailOfLog(path, linesMax, bytesMax);
  }

  async resolvConf(): Promise<ResolvConf> {
    const conf = parseResolvConf((await readTextIfExists(this.#options.resolvConf)) ?? "");
    if (!conf.servers.some(isLoopback)) return conf;
    // A resolver on the host's loopback can't be reached from a pod; systemd's says where it asks itself.
    const behind = await readTextIfExists(systemdResolvConf);
    return behind === undefined ? conf : parseResolvConf(behind);
  }

  async cleanUp(uid: string): Promise<void> {
    await this.#deps.cgroups?.remove(uid);
    await this.#deps.volumes.teardown(uid);
  }

  async removeLogs(pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  }): Promise<void> {
    await rm(this.#logs(pod), { recursive: true, force: true });
  }

  async removeContainerLog(path: string): Promise<void> {
    const folder = dirname(path);
    const name = path.slice(folder.length + 1);
    const files = await readdir(folder).catch(() => []);
    for (const file of files) {
      if (file === name || file.startsWith(`${name}.`)) await rm(join(folder, file), { force: true });
    }
  }

  async knownUids(): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#options.root, "pods"));
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  async close(): Promise<void> {
    if ((await this.knownUids()).length > 0) return;
    await this.#deps.volumes.close();
    await this.#deps.cgroups?.removeParents();
  }

  #podDir(uid: string): string {
    return this.#deps.volumes.podDir(uid);
  }

  #logs({ namespace, name, uid }: { namespace: string; name: string; uid: string }): string {
    return join(this.#options.podLogsDir, `${namespace}_${name}_${uid}`);
  }

  async #hostsMount({ pod, context, hostname, domain }: ContainerFilesInput): Promise<Mount> {
    const path = join(this.#podDir(podUid(pod)), "etc-hosts");
    const aliases = pod.spec?.hostAliases ?? [];
    const text = usesHostNetwork(pod)
      ? hostNetworkHostsFile((await readTextIfExists(hostsPath)) ?? "", aliases)
      : hostsFile({ podIPs: context.podIPs, hostname, domain, aliases });
    // In place: running containers hold this very file.
    if ((await readTextIfExists(path)) !== text) await writeFile(path, text, { mode: 0o644 });
    await chmod(path, 0o644);
    return { containerPath: hostsPath, hostPath: path, readonly: false, propagation: "private" };
  }

  async #messageMount(pod: Pod, container: Container): Promise<Mount | undefined> {
    const path = container.terminationMessagePath ?? "/dev/termination-log";
    if (path === "") return undefined;
    const folder = join(this.#podDir(podUid(pod)), "containers", container.name);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const hostPath = join(folder, this.#deps.random.bytes(4).toString("hex"));
    await writeFile(hostPath, "", { mode: 0o666 });
    await chmod(hostPath, 0o666);
    return { containerPath: path, hostPath, readonly: false, propagation: "private" };
  }
}
