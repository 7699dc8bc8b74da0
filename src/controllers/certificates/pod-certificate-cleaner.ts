/** Deletes pods' requests a while after they were made: by then they are answered. upstream: pkg/controller/certificates/cleaner/pcrcleaner.go */
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { podCertificateRequests } from "#api/resources.ts";
import { parseTime } from "#base/clock.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

/** upstream: cmd/kube-controller-manager/app/certificates.go */
const lifeMs = 15 * 60_000;

export function podCertificateCleanerController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const queue = new RateLimitedQueue({ name: "podcertificaterequest-cleaner" }, context);
  const requests = informers.informer(podCertificateRequests);
  requests.addHandler({
    add: ({ metadata }: PodCertificateRequest) => {
      queue.add(`${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`);
    },
  });
  return queueController(queue, 1, async (key) => {
    const { namespace = "", name = "", uid, creationTimestamp } = requests.lister.get(key)?.metadata ?? {};
    if (uid === undefined) return;
    const waitMs = parseTime(creationTimestamp ?? "") + lifeMs - clock.now();
    if (waitMs > 0) {
      queue.addAfter(key, waitMs);
      return;
    }
    try {
      await client.resource(podCertificateRequests, namespace).delete(name, { preconditions: { uid } });
    } catch (error) {
      // Gone, or another one has its name.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
}
