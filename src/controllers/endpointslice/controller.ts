/** EndpointSlices of every Service with a selector. upstream: pkg/controller/endpointslice/endpointslice_controller.go */
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { keyOf, splitKey } from "#api/meta/object.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { endpointSlices, nodes, pods, services } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { followPods, hasSelector } from "../services/service-pods.ts";
import { managedBy, managedByLabel, planSlices, serviceNameLabel } from "./plan.ts";

const workers = 5;
const zoneLabel = "topology.kubernetes.io/zone";

export function endpointSliceController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = new RateLimitedQueue({ name: "endpointslice" }, context);
  const serviceInformer = informers.informer(services);
  const podInformer = informers.informer(pods);
  const sliceInformer = informers.informer(endpointSlices);
  const nodeInformer = informers.informer(nodes);
  const enqueue = (service: {
    metadata?: { name?: string | undefined; namespace?: string | undefined } | undefined;
  }): void => {
    queue.add(keyOf(service));
  };
  serviceInformer.addHandler({ add: enqueue, update: enqueue, delete: enqueue });
  followPods({ services: serviceInformer, pods: podInformer }, (key) => queue.add(key));
  const sliceChanged = (slice: EndpointSlice): void => {
    if (isOurs(slice)) {
      queue.add(`${slice.metadata?.namespace}/${slice.metadata?.labels?.[serviceNameLabel]}`);
    }
  };
  // Somebody else's change of our slices is put right.
  sliceInformer.addHandler({ update: sliceChanged, delete: sliceChanged });

  return queueController(queue, workers, async (key) => {
    const service = serviceInformer.lister.get(key);
    // A deleted service takes its slices with it through the garbage collector.
    if (service === undefined || !hasSelector(service) || service.metadata?.deletionTimestamp !== undefined) {
      return;
    }
    const { namespace, name } = splitKey(key);
    const mine = sliceInformer.lister
      .list(namespace)
      .filter((slice) => isOurs(slice) && slice.metadata?.labels?.[serviceNameLabel] === name);
    const plan = planSlices({
      service,
      pods: podInformer.lister.list(namespace),
      slices: mine,
      zoneOf: (node) => nodeInformer.lister.get(node)?.metadata?.labels?.[zoneLabel],
    });
    const resource = client.resource(endpointSlices, namespace);
    for (const slice of plan.create) await unlessGone(resource.create(slice));
    for (const slice of plan.update) await unlessGone(resource.update(slice));
    for (const slice of plan.remove) await unlessGone(resource.delete(slice.metadata?.name ?? ""));
  });
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata?.labels?.[managedByLabel] === managedBy;
}

/** The slice or its namespace went away meanwhile. */
async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error) && !isAlreadyExists(error)) throw error;
  }
}
