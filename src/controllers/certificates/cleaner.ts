/** Deletes requests that nobody needs any more. upstream: pkg/controller/certificates/cleaner/cleaner.go */
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { certificateSigningRequests } from "#api/resources.ts";
import { isNotFound } from "#api/meta/status.ts";
import { parseTime } from "#base/clock.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { readCertificatePem } from "#pki/certificate.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const decidedMs = 3600 * 1000;
const pendingMs = 24 * 3600 * 1000;

/** When it is to go: an hour after its decision, a day after nobody decided, when what was issued has expired. */
export function cleanedAt({ metadata, status }: CertificateSigningRequest): number | undefined {
  const { conditions = [], certificate = "" } = status ?? {};
  if (conditions.length === 0) return parseTime(metadata?.creationTimestamp ?? "") + pendingMs;
  const times = conditions.flatMap(({ type, lastUpdateTime = "" }) => {
    const isDecided = type === "Denied" || type === "Failed" || (type === "Approved" && certificate !== "");
    return isDecided && lastUpdateTime !== "" ? [parseTime(lastUpdateTime) + decidedMs] : [];
  });
  if (certificate !== "" && conditions.some(({ type }) => type === "Approved")) {
    times.push(readCertificatePem(Buffer.from(certificate, "base64").toString("utf8")).notAfterMs);
  }
  return times.length === 0 ? undefined : Math.min(...times);
}

export function csrCleanerController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const queue = new RateLimitedQueue({ name: "csrcleaner" }, context);
  const requests = informers.informer(certificateSigningRequests);
  const onRequest = ({ metadata }: CertificateSigningRequest): void => {
    queue.add(metadata?.name ?? "");
  };
  requests.addHandler({ add: onRequest, update: onRequest });
  return queueController(queue, 1, async (name) => {
    const request = requests.lister.get(name);
    const at = request === undefined ? undefined : cleanedAt(request);
    if (at === undefined) return;
    const waitMs = at - clock.now();
    if (waitMs >= 0) {
      queue.addAfter(name, waitMs + 1);
      return;
    }
    try {
      await client.resource(certificateSigningRequests).delete(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}
