/** The kubelet's door: builds one for a real machine or a simulated node. */
import { mkdir } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import type { Completed, Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import { ApiEventRecorder } from "#client/events/recorder.ts";
import { LinuxPodHost } from "./host/linux-pod-host.ts";
import { SystemMounts } from "./host/mounts.ts";
import { SimulatedPodHost } from "./host/simulated.ts";
import { Kubelet, type KubeletIdentity, type KubeletParts } from "./kubelet.ts";
import { simulatedNetworkActions, SystemNetworkActions } from "./lifecycle/network-actions.ts";
import { LinuxMachine } from "./node/linux-machine.ts";
import { SimulatedMachine } from "./node/machine.ts";
import { complete, validate, type KubeletOptions } from "./options.ts";
import { DirectReferences } from "./references/direct-references.ts";
import { PodCertificates } from "./references/pod-certificates.ts";
import { ReferencedObjects } from "./references/referenced-objects.ts";
import { TrustBundles } from "./references/trust-bundles.ts";
import { PodCgroups } from "./resources/pod-cgroups.ts";
import { FakeRuntime } from "./runtime/fake.ts";
import { openRuntime, type OpenedRuntime, type OpenRuntimeDeps } from "./runtime/open.ts";
import type { Runtime, SandboxNetwork } from "./runtime/runtime.ts";
import { serveKubelet, type KubeletTls } from "./server/kubelet-server.ts";
import { StatsSummary } from "./server/stats-summary.ts";
import { nodeStatus } from "./node/node-object.ts";
import { PodVolumes } from "./volumes/pod-volumes.ts";
import { ApiTokenSource } from "./volumes/tokens.ts";
import { removePods } from "./uninstall.ts";

export { removePods };

export interface KubeletDeps {
  /** With the node's own identity: system:node:NAME. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Plugs pods in; a simulated node needs none. */
  readonly network: SandboxNetwork | undefined;
  /** Of the kubelet's server; without it there is none. */
  readonly tls: KubeletTls | undefined;
  readonly connectDocker: OpenRuntimeDeps["connectDocker"];
  /** For many kubelets in one process: what isn't about one node is watched once. Must be started. */
  readonly informers?: InformerFactory;
  /** Instead of opening one: for tests. */
  readonly runtime?: Runtime;
}

export const kubelet: ComponentKind<KubeletOptions, KubeletDeps> = {
  name: "kubelet",
  complete,
  validate,
  create: (options, deps): Component => ({
    name: "kubelet",
    run: (signal, ready) =>
      options.simulated ? runSimulated(options, deps, signal, ready) : runReal(options, deps, signal, ready),
  }),
};

function identityOf(options: Completed<KubeletOptions>): KubeletIdentity {
  return {
    name: options.nodeName,
    ips: options.nodeIps,
    labels: options.nodeLabels,
    taints: options.nodeTaints,
    kubeletPort: options.port,
    podsMax: options.podsMax,
    kubeletRoot: options.rootDir,
    clusterDns: { servers: options.clusterDns, domain: options.clusterDomain },
  };
}

const recorderOf = (options: Completed<KubeletOptions>, deps: KubeletDeps): ApiEventRecorder =>
  new ApiEventRecorder({ component: "kubelet", host: options.nodeName }, deps);

/** What both kinds of node have in common. */
function basics(options: Completed<KubeletOptions>, deps: KubeletDeps): Omit<KubeletParts, keyof Different> {
  const { client, clock, random, log } = deps;
  return {
    client,
    clock,
    random,
    log,
    sharedInformers: deps.informers,
    logRotation: { maxBytes: options.logBytesMax, maxFiles: options.logFilesMax },
  };
}

type Different = Pick<
  KubeletParts,
  "recorder" | "runtime" | "host" | "machine" | "network" | "quietEvents" | "references" | "serve"
>;

async function runSimulated(
  options: Completed<KubeletOptions>,
  deps: KubeletDeps,
  signal: AbortSignal,
  ready: () => void,
): Promise<void> {
  const { client, clock, random } = deps;
  await using recorder = recorderOf(options, deps);
  const parts: KubeletParts = {
    ...basics(options, deps),
    recorder,
    runtime: deps.runtime ?? new FakeRuntime({ logs: "none" }, { clock, random }),
    host: new SimulatedPodHost(""),
    machine: new SimulatedMachine(),
    network: simulatedNetworkActions,
    quietEvents: true,
    references: () => new DirectReferences(client),
    serve: undefined,
  };
  await new Kubelet(identityOf(options), parts).run(signal, ready);
}

interface MountedObjects {
  readonly trust: TrustBundles;
  readonly certificates: PodCertificates;
  readonly references: KubeletParts["references"];
}

/** What pods mount from the API. */
function mountedObjects(
  { nodeName }: Completed<KubeletOptions>,
  { client, clock, random, log }: KubeletDeps,
  recorder: ApiEventRecorder,
  lifetime: AbortSignal,
): MountedObjects {
  const watching = { client, clock, random, log, lifetime };
  const trust = new TrustBundles(watching);
  const certificates = new PodCertificates({ ...watching, recorder, nodeName });
  const followers = [trust, certificates];
  return {
    trust,
    certificates,
    references: (onChange, ended) =>
      new ReferencedObjects({ ...watching, lifetime: ended, onChange, followers }),
  };
}

async function runReal(
  options: Completed<KubeletOptions>,
  deps: KubeletDeps,
  signal: AbortSignal,
  ready: () => void,
): Promise<void> {
  const { client, clock, random, log, tls } = deps;
  await using recorder = recorderOf(options, deps);
  await mkdir(options.rootDir, { recursive: true, mode: 0o750 });
  const machine = new LinuxMachine(options.rootDir);
  const facts = await machine.facts();
  const { runtime, images } =
    deps.runtime === undefined ? await open(options, deps) : { runtime: deps.runtime, images: undefined };
  const identity = identityOf(options);
  const allocatable = nodeStatus({
    identity,
    facts,
    images: [],
    runtime: { name: "", version: "" },
  }).allocatable;
  const isFake = options.runtime === "fake";

  const mounted = mountedObjects(options, deps, recorder, signal);
  const references = isFake ? () => new DirectReferences(client) : mounted.references;
  const cgroups = isFake
    ? undefined
    : await PodCgroups.open({ root: options.cgroupRoot, cpus: facts.cpus }, log);
  const parts: KubeletParts = {
    ...basics(options, deps),
    recorder,
    runtime,
    machine,
    network: isFake ? simulatedNetworkActions : new SystemNetworkActions(clock),
    quietEvents: false,
    references,
    host: isFake
      ? new SimulatedPodHost(options.podLogsDir)
      : (objects) =>
          new LinuxPodHost(
            { root: options.rootDir, podLogsDir: options.podLogsDir, resolvConf: options.resolvConf },
            {
              cgroups,
              random,
              volumes: new PodVolumes(options.rootDir, {
                mounts: new SystemMounts(),
                clock,
                objects,
                tokens: new ApiTokenSource({ client, clock, random, log }),
                trust: mounted.trust,
                certificates: mounted.certificates,
                allocatable: () => allocatable ?? {},
              }),
            },
          ),
    serve:
      tls === undefined
        ? undefined
        : async (view, ended) => {
            const clients = { users: options.clientUsers, groups: options.clientGroups };
            await serveKubelet(
              { address: options.bindAddress, port: options.port, clients, tls },
              { view, runtime, clock, log, stats: new StatsSummary({ view, runtime, clock, machine }) },
              ended,
            );
          },
  };
  await using stack = new AsyncDisposableStack();
  stack.defer(() => runtime.close());
  if (images !== undefined) stack.use(await images.follow());
  await new Kubelet(identity, parts).run(signal, ready);
}

const given = (text: string): string | undefined => (text === "" ? undefined : text);

async function open(options: Completed<KubeletOptions>, deps: KubeletDeps): Promise<OpenedRuntime> {
  const { runtimeEndpoint, runcPath, registriesPath } = options;
  const opened = await openRuntime(
    {
      kind: options.runtime,
      dataDir: options.runtimeDataDir,
      stateDir: options.runtimeStateDir,
      runcPath: given(runcPath),
      dockerHost: options.runtime === "docker" ? given(runtimeEndpoint) : undefined,
      endpoint: given(runtimeEndpoint),
      registriesPath: given(registriesPath),
    },
    { ...deps, network: deps.network ?? noNetwork },
  );
  const { name, version } = await opened.runtime.version();
  deps.log.info("container runtime chosen", { runtime: name, version, reason: opened.reason });
  return opened;
}

/** Where nobody hands in a network: pods that need one wait, and users read why. */
const noNetwork: SandboxNetwork = {
  problem: "no pod network configured",
  attach: () => Promise.reject(new Error("no pod network configured")),
  detach: () => Promise.resolve(),
};
