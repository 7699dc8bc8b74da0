/** Lets claims go that are deleted once no pod uses them any more. upstream: pkg/controller/volume/pvcprotection/pvc_protection_controller.go */
import type { PersistentVolumeClaim, Pod } from "#api/generated/types/core-v1.ts";
import { controllerOf, keyOf } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import { persistentVolumeClaims, pods } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { isTerminal } from "../pods/pod-state.ts";
import { planFinalizers } from "./plan.ts";

const finalizer = "kubernetes.io/pvc-protection";

export function claimProtectionController(context: ControllerContext): Controller {
  const { client, informers, log } = context;
  const queue = new RateLimitedQueue({ name: "pvc-protection" }, context);
  const claims = informers.informer(persistentVolumeClaims);
  const podInformer = informers.informer(pods);
  const wake = (pod: Pod): void => {
    for (const name of claimNames(pod)) queue.add(`${pod.metadata?.namespace ?? ""}/${name}`);
  };
  claims.addHandler({ add: (claim) => queue.add(keyOf(claim)), update: (claim) => queue.add(keyOf(claim)) });
  podInformer.addHandler({
    update: (pod, old) => {
      if (isTerminal(pod) && !isTerminal(old)) wake(pod);
    },
    delete: wake,
  });
  return queueController(queue, 1, async (key) => {
    const claim = claims.lister.get(key);
    if (claim === undefined) return;
    const { namespace = "" } = claim.metadata ?? {};
    const cached = podInformer.lister.list(namespace);
    const planned = planFinalizers(claim, finalizer, () => cached.some((pod) => uses(pod, claim)));
    if (planned === undefined) return;
    if (!planned.includes(finalizer)) {
      // A pod that was just made may not have come yet.
      const { items } = await client.resource(pods, namespace).list();
      if (items.some((pod) => uses(pod, claim))) return;
    }
    try {
      await client
        .resource(persistentVolumeClaims, namespace)
        .update({ ...claim, metadata: { ...claim.metadata, finalizers: [...planned] } });
      log.debug(planned.includes(finalizer) ? "claim protected" : "claim released", { claim: key });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}

/** An ephemeral volume's claim is named after the pod and the volume. */
function claimNames({ metadata, spec }: Pod): readonly string[] {
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
    return ephemeral === undefined ? [] : [`${metadata?.name ?? ""}-${name}`];
  });
}

/** A pod without a node won't start with a claim that is being deleted. */
function uses(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  if ((pod.spec?.nodeName ?? "") === "" || isTerminal(pod)) return false;
  return (pod.spec?.volumes ?? []).some(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return persistentVolumeClaim.claimName === metadata?.name;
    const isNamed = ephemeral !== undefined && `${pod.metadata?.name ?? ""}-${name}` === metadata?.name;
    return isNamed && controllerOf({ metadata })?.uid === pod.metadata?.uid;
  });
}
