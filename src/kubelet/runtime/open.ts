/** Chooses the container runtime of this node and opens it. */
import { access, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { unreachable } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { readArchive } from "../images/archive.ts";
import { ImageFolder } from "../images/image-folder.ts";
import { readRegistries } from "../images/registries.ts";
import { RegistryPuller } from "../images/registry.ts";
import { DockerRuntime } from "./docker/driver.ts";
import { dockerAddress, type ConnectDocker } from "./docker/api.ts";
import { EmbeddedRuntime } from "./embedded/driver.ts";
import { FakeRuntime } from "./fake.ts";
import { RuntimeError, type Runtime, type SandboxNetwork } from "./runtime.ts";

export type RuntimeKind = "docker" | "cri" | "embedded" | "fake";

export interface OpenRuntimeOptions {
  readonly kind: RuntimeKind | "auto";
  /** What outlives a reboot; the runtime takes <dataDir>/agent/ of it. */
  readonly dataDir: string;
  /** What doesn't: /run/mini-k8s. */
  readonly stateDir: string;
  /** The runc to use; found on the PATH when absent. */
  readonly runcPath?: string | undefined;
  /** "unix:///var/run/docker.sock" or tcp://; the usual socket when absent. */
  readonly dockerHost?: string | undefined;
  /** Of a CRI runtime. */
  readonly endpoint?: string | undefined;
  /** registries.yaml, in k3s's form. */
  readonly registriesPath?: string | undefined;
}

export interface OpenRuntimeDeps {
  readonly network: SandboxNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Loads the Docker client: late, as most nodes never need it. */
  readonly connectDocker: ConnectDocker;
}

export interface OpenedRuntime {
  readonly runtime: Runtime;
  /** For the log: why this one. */
  readonly reason: string;
  /** Where image tars are laid for it; those that lay there at the start are taken. */
  readonly images: ImageFolder | undefined;
}

type Opened = Omit<OpenedRuntime, "reason">;

/** Why each kind was taken or not, as far as it was asked. Pure, so that the choice can be tested. */
export interface MachineSigns {
  readonly hasDocker: boolean;
  readonly isLinux: boolean;
  readonly isRoot: boolean;
  readonly runcPath: string | undefined;
}

const defaultDockerHost = "unix:///var/run/docker.sock";
const runcPaths = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export async function openRuntime(
  options: OpenRuntimeOptions,
  deps: OpenRuntimeDeps,
): Promise<OpenedRuntime> {
  const runcPath = options.runcPath ?? (await findRunc());
  const { kind, reason } =
    options.kind === "auto"
      ? chooseRuntime({
          hasDocker: await answers(options.dockerHost ?? defaultDockerHost),
          isLinux: process.platform === "linux",
          isRoot: process.getuid?.() === 0,
          runcPath,
        })
      : { kind: options.kind, reason: "asked for" };
  return { ...(await open(kind, { ...options, runcPath }, deps)), reason };
}

/** Docker where it runs, so that its images are there too; else the one that needs nobody. */
export function chooseRuntime(signs: MachineSigns): {
  readonly kind: "docker" | "embedded";
  readonly reason: string;
} {
  if (signs.hasDocker) return { kind: "docker", reason: "a Docker daemon answers" };
  const missing = [
    ...(signs.isLinux ? [] : ["Linux"]),
    ...(signs.isRoot ? [] : ["root"]),
    ...(signs.runcPath === undefined ? ["runc"] : []),
  ];
  if (missing.length === 0) {
    return { kind: "embedded", reason: "no Docker daemon answers; root on Linux needs none" };
  }
  throw new RuntimeError(
    "unavailable",
    `no container runtime: no Docker daemon answers, and running containers without one needs ${missing.join(", ")}; ` +
      "--runtime fake simulates",
  );
}

async function open(kind: RuntimeKind, options: OpenRuntimeOptions, deps: OpenRuntimeDeps): Promise<Opened> {
  switch (kind) {
    case "embedded":
      return openEmbedded(options, deps);
    case "docker":
      return openDocker(options, deps);
    case "fake":
      // Without a network: its pods have addresses of its own.
      return {
        runtime: new FakeRuntime({ logs: "files" }, { clock: deps.clock, random: deps.random }),
        images: undefined,
      };
    case "cri":
      throw new RuntimeError(
        "unavailable",
        `--runtime cri (${options.endpoint ?? "no endpoint given"}) is not in this version; docker and embedded are`,
      );
    default:
      return unreachable(kind);
  }
}

async function openEmbedded(options: OpenRuntimeOptions, deps: OpenRuntimeDeps): Promise<Opened> {
  const { dataDir, stateDir, runcPath, registriesPath } = options;
  const { arch } = process;
  if (runcPath === undefined) {
    throw new RuntimeError("unavailable", "--runtime embedded finds no runc on this machine");
  }
  const registries = await readRegistries(registriesPath);
  const puller = new RegistryPuller({ registries, arch }, deps.log);
  const runtime = await EmbeddedRuntime.open(
    { dataDir: join(dataDir, "agent", "embedded"), stateDir: join(stateDir, "embedded"), runcPath, arch },
    { ...deps, puller },
  );
  const take = async (path: string): Promise<readonly string[]> => {
    const sources = await readArchive(path, arch);
    for (const source of sources) await runtime.addImage(source);
    return sources.flatMap(({ tags }) => tags);
  };
  return { runtime, images: await imageFolder(dataDir, take, deps) };
}

async function openDocker(options: OpenRuntimeOptions, deps: OpenRuntimeDeps): Promise<Opened> {
  const { dataDir, dockerHost } = options;
  const docker = await deps.connectDocker(dockerAddress(dockerHost ?? defaultDockerHost));
  const runtime = await DockerRuntime.open(
    { dataDir: join(dataDir, "agent", "docker"), arch: process.arch },
    { ...deps, docker },
  );
  return { runtime, images: await imageFolder(dataDir, (path) => runtime.loadImages(path), deps) };
}

async function imageFolder(
  dataDir: string,
  take: ConstructorParameters<typeof ImageFolder>[1]["take"],
  { clock, log }: OpenRuntimeDeps,
): Promise<ImageFolder> {
  const folder = new ImageFolder({ directory: join(dataDir, "agent", "images") }, { take, clock, log });
  await folder.takeAll();
  return folder;
}

async function findRunc(): Promise<string | undefined> {
  for (const directory of runcPaths) {
    const path = join(directory, "runc");
    try {
      await access(path, 1);
      if ((await stat(path)).isFile()) return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Whether somebody listens there. */
async function answers(host: string): Promise<boolean> {
  const address = dockerAddress(host);
  const socket = "socketPath" in address ? connect(address.socketPath) : connect(address.port, address.host);
  return new Promise((resolve) => {
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
