/** A host for simulated nodes: everything is in place, nothing is touched. */
import type { ContainerFiles, PodHost } from "../pods/pod-host.ts";
import type { ResolvConf } from "../pods/dns.ts";

export class SimulatedPodHost implements PodHost {
  cgroupParent(): string {
    return "";
  }

  logDirectory(): string {
    return "";
  }

  prepare(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  containerFiles(): Promise<ContainerFiles> {
    return Promise.resolve({ mounts: [], messageHostPath: "" });
  }

  terminationMessage(): Promise<string> {
    return Promise.resolve("");
  }

  logTail(): Promise<string> {
    return Promise.resolve("");
  }

  resolvConf(): Promise<ResolvConf> {
    return Promise.resolve({ servers: [], searches: [], options: [] });
  }

  cleanUp(): Promise<void> {
    return Promise.resolve();
  }

  removeLogs(): Promise<void> {
    return Promise.resolve();
  }

  removeContainerLog(): Promise<void> {
    return Promise.resolve();
  }

  knownUids(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
}
