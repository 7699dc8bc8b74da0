/**
 * Turns what informers tell into calls of the cache and the queue.
 * upstream: pkg/scheduler/eventhandlers.go
 */
import { assert } from "#base/assert.ts";
import type { InformerHandler } from "#client/cache/informer.ts";
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import type { SchedulerCache } from "./cache/cache.ts";
import { podRequests } from "./cache/resources.ts";
import type { NodeChanges } from "./framework/plugin.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

export interface ClusterEventTargets {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly schedulerName: string;
}

/** What a pod is to this scheduler. */
type PodRole = "placed" | "waiting" | "none";

export function podHandler({ cache, queue, schedulerName }: ClusterEventTargets): InformerHandler<Pod> {
  const roleOf = (pod: Pod): PodRole => {
    const phase = pod.status?.phase;
    // A pod that has ended holds nothing.
    if (phase === "Succeeded" || phase === "Failed") return "none";
    if ((pod.spec?.nodeName ?? "") !== "") return "placed";
    return (pod.spec?.schedulerName ?? "default-scheduler") === schedulerName ? "waiting" : "none";
  };
  const leave = (pod: Pod, role: PodRole): void => {
    const uid = pod.metadata?.uid ?? "";
    if (role === "waiting") {
      queue.delete(uid);
      // It may have been placed in thought already; if it was, its room is free again.
      if (!cache.isAssumed(uid)) return;
      cache.forget(uid);
    } else {
      cache.removePod(uid);
    }
    queue.onEvent({ kind: "pod freed resources", pod });
  };
  const enter = (pod: Pod, role: PodRole): void => {
    if (role === "placed") cache.setPod(pod);
    else if (role === "waiting") {
      const uid = pod.metadata?.uid ?? "";
      // Bound already, only the news of it is still on its way: a second placing would be wrong.
      const isBound = cache.isAssumed(uid) && !queue.has(uid);
      if (!isBound) queue.set(pod);
    }
  };
  return {
    add: (pod) => {
      enter(pod, roleOf(pod));
    },
    update: (pod, old) => {
      const [was, is] = [roleOf(old), roleOf(pod)];
      if (was === "waiting" && is === "placed") {
        queue.delete(pod.metadata?.uid ?? "");
      } else if (was !== "none" && was !== is) {
        leave(old, was);
      }
      enter(pod, is);
      if (was === "placed" && is === "placed" && asksForLess(pod, old)) {
        queue.onEvent({ kind: "pod freed resources", pod: old });
      }
    },
    delete: (pod) => {
      const role = roleOf(pod);
      if (role !== "none") leave(pod, role);
    },
  };
}

function asksForLess(pod: Pod, old: Pod): boolean {
  const [{ requests: now }, { requests: before }] = [podRequests(pod), podRequests(old)];
  return now.milliCpu < before.milliCpu || now.memory < before.memory;
}

export function nodeHandler({ cache, queue }: ClusterEventTargets): InformerHandler<Node> {
  return {
    add: (node) => {
      queue.onEvent({ kind: "node added", node: cache.setNode(node) });
    },
    update: (node, old) => {
      const info = cache.setNode(node);
      assert(info.node === node, `node ${info.name} isn't what was stored`);
      const changes = changesOf(node, old);
      if (changes.allocatable || changes.labels || changes.taints) {
        queue.onEvent({ kind: "node changed", node: info, changes });
      }
    },
    delete: (node) => {
      cache.removeNode(node.metadata?.name ?? "");
    },
  };
}

function changesOf(node: Node, old: Node): NodeChanges {
  return {
    allocatable: isDifferent(node.status?.allocatable, old.status?.allocatable),
    labels: isDifferent(node.metadata?.labels, old.metadata?.labels),
    taints:
      isDifferent(node.spec?.taints, old.spec?.taints) ||
      isDifferent(node.spec?.unschedulable, old.spec?.unschedulable),
  };
}

/** Another order of the same fields counts as a change: it costs a needless try, no more. */
const isDifferent = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
