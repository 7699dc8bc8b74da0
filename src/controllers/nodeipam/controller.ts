/** Every node gets its own part of the pods' addresses. upstream: pkg/controller/nodeipam/ipam/range_allocator.go */
import type { Node } from "#api/generated/types/core-v1.ts";
import { nodes } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { RangeAllocator } from "./range-allocator.ts";

export function nodeIpamController(context: ControllerContext): Controller {
  const { client, informers, events, options } = context;
  const queue = new RateLimitedQueue({ name: "nodeipam" }, context);
  const nodeInformer = informers.informer(nodes);
  const ranges = new RangeAllocator(options.clusterCidr, options.nodeCidrMaskSize);
  const enqueue = ({ metadata }: Node): void => {
    queue.add(metadata?.name ?? "");
  };
  nodeInformer.addHandler({
    add: (node) => {
      if (node.spec?.podCIDR !== undefined) ranges.take(node.spec.podCIDR);
      enqueue(node);
    },
    update: (node, old) => {
      if (node.spec?.podCIDR !== undefined && old.spec?.podCIDR === undefined) ranges.take(node.spec.podCIDR);
      enqueue(node);
    },
    delete: (node) => {
      if (node.spec?.podCIDR !== undefined) ranges.release(node.spec.podCIDR);
    },
  });
  // One worker: two nodes never race for a range, and every known node's was taken before the first sync.
  return queueController(queue, 1, async (name) => {
    const node = nodeInformer.lister.get(name);
    if (
      node === undefined ||
      node.spec?.podCIDR !== undefined ||
      node.metadata?.deletionTimestamp !== undefined
    ) {
      return;
    }
    const range = ranges.next();
    if (range === undefined) {
      events.event(node, "Normal", "CIDRNotAvailable", `Node ${name} status is now: CIDRNotAvailable`);
      throw new Error(
        `--cluster-cidr ${options.clusterCidr} has no /${options.nodeCidrMaskSize} left for node ${name}`,
      );
    }
    try {
      await client.resource(nodes).patch(name, "strategic", { spec: { podCIDR: range, podCIDRs: [range] } });
    } catch (error) {
      ranges.release(range);
      throw error;
    }
  });
}
