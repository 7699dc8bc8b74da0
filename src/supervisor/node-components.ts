/** What makes a machine a node, on a server and on an agent alike: pod network, kubelet, proxy, DNS. */
import { join } from "node:path";
import { stat } from "node:fs/promises";
import { aborted } from "#base/abort.ts";
import { build, type Component } from "#base/component.ts";
import { writeFileAtomic } from "#base/files.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import { dns } from "#dns/component.ts";
import { kubelet } from "#kubelet/component.ts";
import { network, PodNetwork } from "#network/component.ts";
import { proxy } from "#proxy/component.ts";
import type { KeyPair } from "#pki/ca.ts";
import type { Host } from "./host.ts";
import type { NodeOptions } from "./options.ts";
import { agentPaths, runtimeStateDir } from "./paths.ts";

/** What the cluster tells its nodes. */
export interface ClusterFacts {
  readonly clusterCidr: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly clientCaPem: string;
  /** Common name of the API server's certificate towards kubelets. */
  readonly kubeletClientName: string;
}

export interface NodeParts {
  readonly nodeIp: string;
  readonly cluster: ClusterFacts;
  /** As system:node:NAME. */
  readonly nodeClient: Client;
  /** As system:kube-proxy: network, proxy and DNS read with it. */
  readonly networkClient: Client;
  readonly kubeletServing: KeyPair;
}

export async function nodeComponents(
  options: NodeOptions,
  parts: NodeParts,
  host: Host,
): Promise<Component[]> {
  const { clock, random } = host;
  const { cluster, nodeIp, networkClient } = parts;
  const { nodeName } = options;
  const log = (component: string): Host["log"] => host.log.child({ component });
  if (options.runtime === "fake") {
    return [kubeletComponent(options, parts, { host, podNetwork: undefined, runcPath: "" })];
  }
  const informers = createInformerFactory({ client: networkClient, clock, random, log: log("node") });
  const networkOptions = network.complete({
    nodeName,
    nodeIp,
    clusterCidr: cluster.clusterCidr,
    leaseDirectory: join(options.dataDir, "agent", "pod-addresses"),
  });
  const podNetwork = new PodNetwork(networkOptions, { log: log("network") });
  const shared = { informers, clock, random };
  const runcPath = await unpackRunc(options, host);
  const components: Component[] = [
    informerComponent(informers),
    build(network, networkOptions, { ...shared, podNetwork, log: log("network") }),
    kubeletComponent(options, parts, { host, podNetwork, runcPath }),
  ];
  if (!options.disable.has("proxy")) {
    const proxyOptions = { nodeName, clusterCidr: cluster.clusterCidr };
    components.push(build(proxy, proxyOptions, { ...shared, log: log("proxy") }));
  }
  if (!options.disable.has("dns")) {
    const listenAddress = async (): Promise<string> => (await podNetwork.whenReady).cidr.gateway;
    const { clusterDns, clusterDomain } = cluster;
    const dnsDeps = { ...shared, client: networkClient, listenAddress, log: log("dns") };
    components.push(build(dns, { nodeName, clusterDns, clusterDomain }, dnsDeps));
  }
  return components;
}

/** Informers run while the components that read them do. */
export function informerComponent(informers: InformerFactory): Component {
  return {
    name: "informers",
    run: async (signal, ready) => {
      informers.start(signal);
      ready();
      await aborted(signal);
    },
  };
}

interface KubeletExtras {
  readonly host: Host;
  readonly podNetwork: PodNetwork | undefined;
  readonly runcPath: string;
}

function kubeletComponent(
  options: NodeOptions,
  parts: NodeParts,
  { host, podNetwork, runcPath }: KubeletExtras,
): Component {
  const { clock, random, log, connectDocker } = host;
  const { cluster, nodeClient, nodeIp, kubeletServing } = parts;
  const paths = agentPaths(options.dataDir);
  return build(
    kubelet,
    {
      nodeName: options.nodeName,
      nodeIps: [nodeIp],
      nodeLabels: options.nodeLabels,
      nodeTaints: options.nodeTaints.map((taint) => ({ ...taint })),
      rootDir: paths.kubelet,
      podLogsDir: paths.podLogs,
      runtime: options.runtime,
      runtimeEndpoint: options.runtimeEndpoint ?? "",
      runtimeDataDir: options.dataDir,
      runtimeStateDir: runtimeStateDir(options.dataDir),
      runcPath,
      port: options.kubeletPort,
      clientUsers: [cluster.kubeletClientName],
      clusterDns: [cluster.clusterDns],
      clusterDomain: cluster.clusterDomain,
    },
    {
      client: nodeClient,
      clock,
      random,
      log: log.child({ component: "kubelet" }),
      network: podNetwork,
      tls: { ...kubeletServing, clientCaPem: cluster.clientCaPem },
      connectDocker,
    },
  );
}

/** The bundled runc as a file; "" when there is none. */
export async function unpackRunc(options: NodeOptions, { assets }: Host): Promise<string> {
  if (assets.runc === undefined || options.runtime === "docker") return "";
  const path = agentPaths(options.dataDir).runc;
  const bytes = assets.runc();
  const there = await stat(path).catch(() => undefined);
  // One of the same size is the same: it is only ever written whole.
  if (there?.size !== bytes.length) await writeFileAtomic(path, bytes, 0o755);
  return path;
}
