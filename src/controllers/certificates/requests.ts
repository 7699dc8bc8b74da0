/** What the controllers of certificate signing requests have in common. upstream: pkg/controller/certificates/certificate_controller.go */
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { certificateSigningRequests } from "#api/resources.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

export const clientSigner = "kubernetes.io/kube-apiserver-client";
export const kubeletClientSigner = "kubernetes.io/kube-apiserver-client-kubelet";
export const kubeletServingSigner = "kubernetes.io/kubelet-serving";
export const legacySigner = "kubernetes.io/legacy-unknown";

export const requestPem = ({ spec }: CertificateSigningRequest): string =>
  Buffer.from(spec.request, "base64").toString("utf8");

export const hasCondition = ({ status }: CertificateSigningRequest, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type) === true;

const workers = 5;
/** upstream: NewTypedItemExponentialFailureRateLimiter(200ms, 1000s) */
const retry = { initialMs: 200, maxMs: 1_000_000 };

/** Looks at each request when it comes, and whenever it has changed; at those with a certificate no more. */
export function requestController(
  { informers, clock, log, counts, name }: ControllerContext,
  handle: (request: CertificateSigningRequest) => Promise<void>,
): Controller {
  const queue = new RateLimitedQueue({ name, ...retry }, { clock, log, counts });
  const requests: Informer<CertificateSigningRequest> = informers.informer(certificateSigningRequests);
  const onRequest = ({ metadata }: CertificateSigningRequest): void => {
    queue.add(metadata?.name ?? "");
  };
  requests.addHandler({ add: onRequest, update: onRequest });
  return queueController(queue, workers, async (key) => {
    const request = requests.lister.get(key);
    if (request === undefined || (request.status?.certificate ?? "") !== "") return;
    try {
      await handle(request);
    } catch (error) {
      // Gone, or changed just now: its event brings us here again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
}
