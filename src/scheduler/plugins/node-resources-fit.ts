/**
 * Pods go where what they ask for is still free, rather where more of it is.
 * upstream: pkg/scheduler/framework/plugins/noderesources/{fit,least_allocated}.go
 */
import type { NodeInfo, PodInfo } from "../cache/node-info.ts";
import { podRequests, type Resources } from "../cache/resources.ts";
import { scoreMax, type FilterPlugin, type Rejection, type ScorePlugin } from "../framework/plugin.ts";

const name = "NodeResourcesFit";

/** What is too much for the node: names, and whether it is too much even for an empty one. */
interface Shortage {
  readonly reasons: string[];
  isBeyondNode: boolean;
}

function check(
  shortage: Shortage,
  what: string,
  wanted: number,
  offer: { total: number; used: number },
): void {
  if (wanted <= 0 || wanted <= offer.total - offer.used) return;
  shortage.reasons.push(`Insufficient ${what}`);
  if (wanted > offer.total) shortage.isBeyondNode = true;
}

function shortageOf(
  { requests }: PodInfo,
  node: NodeInfo,
  used: Resources,
  podCount: number,
): Shortage | undefined {
  const { allocatable } = node;
  const isRoomy =
    podCount + 1 <= node.podsMax &&
    requests.milliCpu <= allocatable.milliCpu - used.milliCpu &&
    requests.memory <= allocatable.memory - used.memory &&
    requests.ephemeralStorage <= allocatable.ephemeralStorage - used.ephemeralStorage;
  if (isRoomy && requests.scalar.size === 0) return undefined;
  const shortage: Shortage = { reasons: [], isBeyondNode: false };
  if (podCount + 1 > node.podsMax) shortage.reasons.push("Too many pods");
  check(shortage, "cpu", requests.milliCpu, { total: allocatable.milliCpu, used: used.milliCpu });
  check(shortage, "memory", requests.memory, { total: allocatable.memory, used: used.memory });
  check(shortage, "ephemeral-storage", requests.ephemeralStorage, {
    total: allocatable.ephemeralStorage,
    used: used.ephemeralStorage,
  });
  for (const [what, wanted] of requests.scalar) {
    check(shortage, what, wanted, {
      total: allocatable.scalar.get(what) ?? 0,
      used: used.scalar.get(what) ?? 0,
    });
  }
  return shortage.reasons.length === 0 ? undefined : shortage;
}

const nothing: Resources = { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalar: new Map() };

const fitsWhenEmpty = (pod: PodInfo, node: NodeInfo): boolean =>
  shortageOf(pod, node, nothing, 0) === undefined;

export const nodeResourcesFit: FilterPlugin & ScorePlugin = {
  name,
  weight: 1,
  prepareFilter: (pod) => {
    const rejections = new Map<string, Rejection>();
    return {
      filter: (node) => {
        const shortage = shortageOf(pod, node, node.requested, node.pods.size);
        if (shortage === undefined) return undefined;
        const key = `${shortage.isBeyondNode ? "-" : "+"}${shortage.reasons.join("\n")}`;
        let rejection = rejections.get(key);
        if (rejection === undefined) {
          rejection = { reasons: shortage.reasons, isResolvable: !shortage.isBeyondNode };
          rejections.set(key, rejection);
        }
        return rejection;
      },
    };
  },
  mayHelp: (pod, event) => {
    switch (event.kind) {
      case "node added":
        return fitsWhenEmpty(pod, event.node);
      case "node changed":
        return event.changes.allocatable && fitsWhenEmpty(pod, event.node);
      case "pod freed resources":
        return true;
      case "pod changed": {
        const { requests: before } = podRequests(event.old);
        const { requests: now } = podRequests(event.pod);
        return now.milliCpu < before.milliCpu || now.memory < before.memory;
      }
    }
  },
  prepareScore: (pod) => ({
    score: (node) => {
      const cpu = freeShare(node.assumedMilliCpu + pod.assumedMilliCpu, node.allocatable.milliCpu);
      const memory = freeShare(node.assumedMemory + pod.assumedMemory, node.allocatable.memory);
      const weight = Number(node.allocatable.milliCpu > 0) + Number(node.allocatable.memory > 0);
      return weight === 0 ? 0 : Math.floor((cpu + memory) / weight);
    },
  }),
};

function freeShare(used: number, total: number): number {
  return total === 0 || used > total ? 0 : Math.floor(((total - used) * scoreMax) / total);
}
