/** Bootstrap tokens go when their time is over. upstream: pkg/controller/bootstrap/tokencleaner.go */
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { secrets } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { bootstrapTokens, remainingMs } from "./tokens.ts";

export function tokenCleanerController(context: ControllerContext): Controller {
  const { client, informers, clock, log } = context;
  const queue = new RateLimitedQueue({ name: "tokencleaner" }, context);
  const informer = informers.informer(secrets, bootstrapTokens);
  informer.addHandler({
    add: ({ metadata }) => queue.add(metadata?.name ?? ""),
    update: ({ metadata }) => queue.add(metadata?.name ?? ""),
  });
  return queueController(queue, 1, async (name) => {
    const secret = informer.lister.get(`${bootstrapTokens.namespace}/${name}`);
    if (secret === undefined) return;
    const left = remainingMs(secret, clock.now());
    if (left === undefined) return;
    if (left > 0) {
      queue.addAfter(name, left);
      return;
    }
    log.info("an expired bootstrap token is deleted", { secret: name });
    const { uid, resourceVersion } = secret.metadata ?? {};
    try {
      const preconditions = { uid, resourceVersion };
      await client.resource(secrets, bootstrapTokens.namespace).delete(name, { preconditions });
    } catch (error) {
      // Changed meanwhile: it comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
}
