/** Every namespace has the CA that its pods verify the API with. upstream: pkg/controller/certificates/rootcacertpublisher/publisher.go */
import { configMaps, namespaces } from "#api/resources.ts";
import { isNotFound } from "#api/meta/status.ts";
import { isNamespaceTerminating } from "../pods/namespace-terminating.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const configMapName = "kube-root-ca.crt";
/** Upstream's text: users compare clusters. */
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

export function rootCaController(context: ControllerContext): Controller {
  const { client, informers, options } = context;
  const queue = new RateLimitedQueue({ name: "root-ca-certificate-publisher" }, context);
  const namespaceInformer = informers.informer(namespaces);
  const mapInformer = informers.informer(configMaps, { fieldSelector: `metadata.name=${configMapName}` });
  namespaceInformer.addHandler({
    add: ({ metadata }) => queue.add(metadata?.name ?? ""),
    update: ({ metadata }) => queue.add(metadata?.name ?? ""),
  });
  const onMap = (object: { metadata?: { namespace?: string | undefined } | undefined }): void => {
    queue.add(object.metadata?.namespace ?? "");
  };
  mapInformer.addHandler({ update: onMap, delete: onMap });
  return queueController(queue, 1, async (name) => {
    const namespace = namespaceInformer.lister.get(name);
    if (namespace === undefined || namespace.status?.phase === "Terminating") return;
    const maps = client.resource(configMaps, name);
    const data = { "ca.crt": options.rootCaPem };
    const annotations = { "kubernetes.io/description": description };
    const found = mapInformer.lister.get(`${name}/${configMapName}`);
    try {
      if (found === undefined) {
        await maps.create({ metadata: { name: configMapName, namespace: name, annotations }, data });
      } else if (found.data?.["ca.crt"] !== options.rootCaPem) {
        await maps.update({ ...found, data, metadata: { ...found.metadata, annotations } });
      }
    } catch (error) {
      if (!isNotFound(error) && !isNamespaceTerminating(error)) throw error;
    }
  });
}
