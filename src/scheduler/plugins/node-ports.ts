/** No two pods of a node hold the same host port. upstream: pkg/scheduler/framework/plugins/nodeports */
import { hostPortsOf } from "../cache/host-ports.ts";
import type { NodeInfo, PodInfo } from "../cache/node-info.ts";
import { resolvable, type FilterPlugin } from "../framework/plugin.ts";

const taken = resolvable("node(s) didn't have free ports for the requested pod ports");

const isFree = (pod: PodInfo, node: NodeInfo): boolean =>
  !pod.ports.some((port) => node.ports.conflictsWith(port));

export const nodePorts: FilterPlugin = {
  name: "NodePorts",
  prepareFilter: (pod) =>
    pod.ports.length === 0 ? undefined : { filter: (node) => (isFree(pod, node) ? undefined : taken) },
  mayHelp: (pod, event) => {
    switch (event.kind) {
      case "node added":
        return isFree(pod, event.node);
      case "pod freed resources": {
        const freed = new Set(hostPortsOf(event.pod).map(({ port }) => port));
        return pod.ports.some(({ port }) => freed.has(port));
      }
      case "node changed":
      case "pod changed":
        return false;
    }
  },
};
