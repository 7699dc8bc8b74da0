/**
 * pods/eviction: a deletion that a PodDisruptionBudget may refuse.
 * upstream: pkg/registry/core/pod/storage/eviction.go
 */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { PodDisruptionBudget } from "#api/generated/types/policy-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { badRequestError, failure, type StatusError } from "#api/meta/status.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  writeContext,
  type WriteDeps,
} from "#apiserver/handlers/write.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Handler, ResourceCall } from "../endpoint.ts";
import type { ResourceStore, WriteContext } from "../store.ts";
import { bareStrategy, type DeletionOptions } from "../strategy.ts";
import { createdStatus } from "../success.ts";

export interface EvictionDeps extends WriteDeps {
  readonly clock: Clock;
  /** Of poddisruptionbudgets. */
  readonly budgets: () => ResourceStore;
}

/** upstream: MaxDisruptedPodSize */
const disruptedPodsMax = 2000;
const evictionKind = { group: "policy", version: "v1", kind: "Eviction" } as const;

export const evict =
  (deps: EvictionDeps): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, evictionKind);
    const eviction = judgeStrictFaults(decoded, options, request);
    const { name = info.name } = eviction.metadata ?? {};
    if (name !== info.name) throw badRequestError("name in URL does not match name in Eviction object");
    const deletion = (eviction["deleteOptions"] ?? {}) as DeletionOptions & { dryRun?: string[] };
    const dryRun = options.dryRun || deletion.dryRun?.[0] === "All";
    const asObject = optionsObject("CreateOptions", options);
    const subject = {
      operation: "CREATE",
      object: eviction,
      oldObject: undefined,
      options: asObject,
      dryRun,
    } as const;
    const attributes = attributesOf(request, { ...subject, gvk: evictionKind });
    await deps.admission.admit(attributes);
    await deps.admission.validate(attributes);

    const id = { namespace: info.namespace, name };
    const pod = (await endpoint.storage.get(id)).object as Pod;
    const context = writeContext(request, deps, { dryRun, asObject, asksAdmission: false });
    if (!isFree(pod)) await takeFromBudget(request, deps, pod, context);
    await endpoint.storage.delete(id, deletion, context);
    return createdStatus();
  };

/** A pod that doesn't run yet, or no longer, disrupts nothing. */
function isFree({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  return (
    metadata?.deletionTimestamp !== undefined ||
    phase === "Succeeded" ||
    phase === "Failed" ||
    phase === "Pending"
  );
}

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;

async function takeFromBudget(
  request: ResourceCall,
  deps: EvictionDeps,
  pod: Pod,
  context: WriteContext,
): Promise<void> {
  const { namespace } = request.info;
  const found = budgetsOf(deps.budgets(), namespace, pod);
  const [budget] = found;
  if (budget === undefined) return;
  if (found.length > 1) {
    throw failure({
      code: 500,
      reason: "InternalError",
      message:
        "Internal error occurred: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    });
  }
  if (!isReady(pod) && mayGoUnready(budget)) return;
  await deps
    .budgets()
    .update(
      { namespace, name: budget.metadata?.name ?? "" },
      (current) =>
        Promise.resolve(
          reserve(structuredClone(current) as AnyObject & PodDisruptionBudget, pod, deps.clock),
        ),
      context,
      bareStrategy,
    );
}

function budgetsOf(budgets: ResourceStore, namespace: string, pod: Pod): PodDisruptionBudget[] {
  const all = [...budgets.cache.objects(namespace)].map(({ content }) => content as PodDisruptionBudget);
  return all.filter(({ spec }) => {
    const selector = spec?.selector;
    return selector !== undefined && selectorOf(selector).matches(pod.metadata?.labels);
  });
}

/** An unready pod doesn't count as healthy: evicting it takes nothing from a budget that is met. */
function mayGoUnready({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  return status !== undefined && status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
}

function reserve(
  budget: AnyObject & PodDisruptionBudget,
  pod: Pod,
  clock: Clock,
): AnyObject & PodDisruptionBudget {
  const { metadata, status } = budget;
  const name = metadata?.name ?? "";
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    throw refusal(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const disrupted = status.disruptedPods ?? {};
  if (status.disruptionsAllowed < 0) {
    throw new RangeError(`budget ${name} allows ${status.disruptionsAllowed}`);
  }
  if (Object.keys(disrupted).length > disruptedPodsMax) {
    throw refusal(`The disruption budget ${name} has too many disrupted pods in its status.`, 0);
  }
  if (status.disruptionsAllowed === 0) throw blocked(budget);
  status.disruptionsAllowed -= 1;
  status.disruptedPods = { ...disrupted, [pod.metadata?.name ?? ""]: toRfc3339(clock.now()) };
  return budget;
}

function blocked({ metadata, status }: PodDisruptionBudget): StatusError {
  const name = metadata?.name ?? "";
  const condition = status?.conditions?.find(({ type }) => type === "DisruptionAllowed");
  if (condition?.reason === "SyncFailed") {
    return refusal(`The disruption budget ${name} could not be processed: ${condition.message}`, 10);
  }
  return refusal(
    `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`,
    0,
  );
}

const refusal = (message: string, retryAfterSeconds: number): StatusError =>
  failure({
    code: 429,
    reason: "TooManyRequests",
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: {
      causes: [{ reason: "DisruptionBudget", message }],
      ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
    },
  });
