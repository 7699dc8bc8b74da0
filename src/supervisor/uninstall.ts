/** Takes everything back that a server or agent put on this machine. */
import { rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { removePods } from "#kubelet/component.ts";
import { network, PodNetwork, removeNetwork } from "#network/component.ts";
import { removeNftablesRules } from "#proxy/component.ts";
import type { Host } from "./host.ts";
import { lockDirectory } from "./lock.ts";
import { unpackRunc } from "./node-components.ts";
import type { ServerOptions } from "./options.ts";
import { agentPaths, runtimeStateDir, serverPaths } from "./paths.ts";

/** Throws when the server or agent of the data directory still runs. */
export async function uninstall(options: ServerOptions, host: Host): Promise<void> {
  const { log, clock, random, connectDocker, signal } = host;
  const { dataDir } = options;
  const paths = agentPaths(dataDir);
  {
    await using stack = new AsyncDisposableStack();
    stack.use(await lockDirectory(serverPaths(dataDir).lock));
    const networkOptions = network.complete({
      nodeName: options.nodeName,
      nodeIp: "127.0.0.1",
      clusterCidr: options.clusterCidr,
      leaseDirectory: `${dataDir}/agent/pod-addresses`,
    });
    const podNetwork = new PodNetwork(networkOptions, { log });
    await podNetwork.open();
    await removePods(
      {
        nodeName: options.nodeName,
        nodeIps: [],
        rootDir: paths.kubelet,
        runtime: options.runtime,
        runtimeEndpoint: options.runtimeEndpoint ?? "",
        runtimeDataDir: dataDir,
        runtimeStateDir: runtimeStateDir(dataDir),
        runcPath: await unpackRunc(options, host),
      },
      { clock, random, log, connectDocker, network: podNetwork },
    );
    log.info("pods removed");
    await removeNetwork(networkOptions);
    await removeNftablesRules(signal);
    log.info("network removed");
  }
  await rm(runtimeStateDir(dataDir), { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
  await rm(options.writeKubeconfig, { force: true });
  // Only when nothing else is in it.
  await rmdir(dirname(options.writeKubeconfig)).catch(() => undefined);
  log.info("uninstalled", { dataDir });
}
