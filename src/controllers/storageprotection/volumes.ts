/** Lets volumes go that are deleted once no claim is bound to them. upstream: pkg/controller/volume/pvprotection/pv_protection_controller.go */
import { keyOf } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import { persistentVolumes } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { planFinalizers } from "./plan.ts";

const finalizer = "kubernetes.io/pv-protection";

export function volumeProtectionController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = new RateLimitedQueue({ name: "pv-protection" }, context);
  const volumes = informers.informer(persistentVolumes);
  volumes.addHandler({ add: (one) => queue.add(keyOf(one)), update: (one) => queue.add(keyOf(one)) });
  return queueController(queue, 1, async (name) => {
    const volume = volumes.lister.get(name);
    if (volume === undefined) return;
    const planned = planFinalizers(volume, finalizer, () => volume.status?.phase === "Bound");
    if (planned === undefined) return;
    try {
      await client
        .resource(persistentVolumes)
        .update({ ...volume, metadata: { ...volume.metadata, finalizers: [...planned] } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}
