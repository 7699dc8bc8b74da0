/**
 * What pods verify the API server with is a bundle, too: one of its signer, called after what is in it, and no other.
 * upstream: pkg/controller/certificates/clustertrustbundlepublisher/publisher.go
 */
import { createHash } from "node:crypto";
import type { ClusterTrustBundle } from "#api/generated/types/certificates-v1beta1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { clusterTrustBundles } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const signerName = "kubernetes.io/kube-apiserver-serving";
const hashBytes = 12;
const queueName = "ca_cert_publisher_cluster_trust_bundles";

export function bundleNameOf(bundle: string): string {
  const hash = createHash("sha256").update(bundle).digest().subarray(0, hashBytes).toString("hex");
  return `${signerName.replaceAll("/", ":")}:${hash}`;
}

export function trustBundlePublisherController(context: ControllerContext): Controller {
  const { client, informers, options } = context;
  const trustBundle = options.rootCaPem;
  const name = bundleNameOf(trustBundle);
  const queue = new RateLimitedQueue({ name: queueName }, context);
  const bundles = informers.informer(clusterTrustBundles, { fieldSelector: `spec.signerName=${signerName}` });
  const onBundle = (): void => {
    queue.add("");
  };
  bundles.addHandler({ add: onBundle, update: onBundle, delete: onBundle });
  // Without a bundle nobody tells us of one.
  queue.add("");
  return queueController(queue, 1, async () => {
    const resource = client.resource(clusterTrustBundles);
    const found = bundles.lister.get(name);
    const spec: ClusterTrustBundle["spec"] = { signerName, trustBundle };
    if (found === undefined) await resource.create({ metadata: { name }, spec });
    else if (found.spec.trustBundle !== trustBundle) await resource.update({ ...found, spec });
    for (const { metadata } of bundles.lister.list()) {
      if (metadata?.name === undefined || metadata.name === name) continue;
      try {
        await resource.delete(metadata.name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  });
}
