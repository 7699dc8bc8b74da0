/** Endpoints of every Service with a selector. upstream: pkg/controller/endpoint/endpoints_controller.go */
import type { Endpoints, Service } from "#api/generated/types/core-v1.ts";
import { keyOf, splitKey } from "#api/meta/object.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { endpoints, pods, services } from "#api/resources.ts";
import { isNamespaceTerminating } from "../pods/namespace-terminating.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { followPods, hasSelector } from "../services/service-pods.ts";
import { planEndpoints } from "./plan.ts";

const workers = 5;
const managedByLabel = "endpoints.kubernetes.io/managed-by";
const managedBy = "endpoint-controller";
const headlessLabel = "service.kubernetes.io/headless";
const overCapacity = "endpoints.kubernetes.io/over-capacity";

export function endpointsController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = new RateLimitedQueue({ name: "endpoints" }, context);
  const serviceInformer = informers.informer(services);
  const podInformer = informers.informer(pods);
  const endpointsInformer = informers.informer(endpoints);
  const enqueue = (service: Service): void => {
    queue.add(keyOf(service));
  };
  serviceInformer.addHandler({ add: enqueue, update: enqueue, delete: enqueue });
  followPods({ services: serviceInformer, pods: podInformer }, (key) => queue.add(key));

  return queueController(queue, workers, async (key) => {
    const { namespace, name } = splitKey(key);
    const resource = client.resource(endpoints, namespace);
    const service = serviceInformer.lister.get(key);
    const current = endpointsInformer.lister.get(key);
    try {
      if (service === undefined) {
        // Endpoints share the service's name and have no owner: nobody else removes them.
        if (current?.metadata?.labels?.[managedByLabel] === managedBy) await resource.delete(name);
        return;
      }
      if (!hasSelector(service)) return;
      const plan = planEndpoints(service, podInformer.lister.list(namespace));
      const wanted = endpointsOf(service, current, plan);
      if (current === undefined) await resource.create(wanted);
      else if (contentOf(current) !== contentOf(wanted)) await resource.update(wanted);
    } catch (error) {
      if (!isNotFound(error) && !isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
  });
}

function endpointsOf(
  service: Service,
  current: Endpoints | undefined,
  { subsets, isTruncated }: ReturnType<typeof planEndpoints>,
): Endpoints {
  const { [overCapacity]: _old, ...annotations } = current?.metadata?.annotations ?? {};
  const { namespace, name } = service.metadata ?? {};
  return {
    ...current,
    metadata: {
      ...(current?.metadata ?? { name, namespace }),
      labels: {
        ...service.metadata?.labels,
        ...(service.spec?.clusterIP === "None" ? { [headlessLabel]: "" } : {}),
        [managedByLabel]: managedBy,
      },
      annotations: isTruncated ? { ...annotations, [overCapacity]: "truncated" } : annotations,
    },
    subsets,
  };
}

function contentOf({ metadata, subsets }: Endpoints): string {
  return JSON.stringify([subsets ?? [], sorted(metadata?.labels), sorted(metadata?.annotations)]);
}

const sorted = (map: Record<string, string> | undefined): readonly (readonly string[])[] =>
  Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
