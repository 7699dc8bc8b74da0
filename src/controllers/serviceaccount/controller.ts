/** Every namespace has a ServiceAccount "default". upstream: pkg/controller/serviceaccount/serviceaccounts_controller.go */
import { namespaces, serviceAccounts } from "#api/resources.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { isNamespaceTerminating } from "../pods/namespace-terminating.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const accountName = "default";

export function serviceAccountController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = new RateLimitedQueue({ name: "serviceaccount" }, context);
  const namespaceInformer = informers.informer(namespaces);
  const accountInformer = informers.informer(serviceAccounts);
  namespaceInformer.addHandler({
    add: ({ metadata }) => queue.add(metadata?.name ?? ""),
    update: ({ metadata }) => queue.add(metadata?.name ?? ""),
  });
  accountInformer.addHandler({
    delete: ({ metadata }) => {
      if (metadata?.name === accountName) queue.add(metadata.namespace ?? "");
    },
  });
  return queueController(queue, 1, async (name) => {
    const namespace = namespaceInformer.lister.get(name);
    if (namespace === undefined || namespace.status?.phase === "Terminating") return;
    if (namespace.metadata?.deletionTimestamp !== undefined) return;
    if (accountInformer.lister.get(`${name}/${accountName}`) !== undefined) return;
    try {
      await client
        .resource(serviceAccounts, name)
        .create({ metadata: { name: accountName, namespace: name } });
    } catch (error) {
      // The namespace went away meanwhile, or somebody was faster.
      if (!isAlreadyExists(error) && !isNotFound(error) && !isNamespaceTerminating(error)) throw error;
    }
  });
}
