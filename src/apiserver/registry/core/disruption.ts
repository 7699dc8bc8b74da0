/**
 * What a PodDisruptionBudget says to an eviction.
 * upstream: pkg/registry/core/pod/storage/eviction.go checkAndDecrement, component-helpers/apps/poddisruptionbudget
 */
import type { Condition } from "#api/generated/types/meta-v1.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { PodDisruptionBudget } from "#api/generated/types/policy-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { failure, forbiddenError, type StatusError } from "#api/meta/status.ts";
import type { ResourceStore } from "../store.ts";

/** upstream: MaxDisruptedPodSize */
const disruptedPodsMax = 2000;
const allowed = "DisruptionAllowed";

type Status = NonNullable<PodDisruptionBudget["status"]>;

/** Throws 429 while there may be others that nobody can read. `now`: of the clock's monotonic time. */
export function budgetsOf(
  budgets: ResourceStore,
  namespace: string,
  pod: Pod,
  now: number,
): PodDisruptionBudget[] {
  budgets.cache.unreadable.assertNone(now);
  const all = [...budgets.cache.objects(namespace)].map(({ content }) => content as PodDisruptionBudget);
  return all.filter(({ spec }) => {
    const selector = spec?.selector;
    return selector !== undefined && selectorOf(selector).matches(pod.metadata?.labels);
  });
}

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;

/** An unready pod doesn't count as healthy: evicting it takes nothing from a budget that is met. */
export function isUncounted(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isReady(pod)) return false;
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  return status !== undefined && status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
}

/** Takes one disruption from the budget, for the pod. Throws when there is none to take. */
export function takeDisruption(budget: PodDisruptionBudget, podName: string, now: string): void {
  const status = (budget.status ??= {
    disruptionsAllowed: 0,
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
  });
  checkBudget(budget, status);
  status.disruptionsAllowed -= 1;
  if (status.disruptionsAllowed === 0) status.conditions = withoutDisruptions(status, now);
  status.disruptedPods = { ...status.disruptedPods, [podName]: now };
}

function checkBudget(budget: PodDisruptionBudget, status: Status): void {
  const { name = "", generation = 0 } = budget.metadata ?? {};
  const { observedGeneration = 0, disruptionsAllowed, disruptedPods = {} } = status;
  if (observedGeneration < generation) throw stillProcessed(name);
  if (disruptionsAllowed < 0) throw forbidden(name, "pdb disruptions allowed is negative");
  if (Object.keys(disruptedPods).length > disruptedPodsMax) {
    throw forbidden(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (disruptionsAllowed === 0) throw tooMany(denialOf(name, status), 0);
}

function withoutDisruptions({ conditions = [], observedGeneration }: Status, now: string): Condition[] {
  const before = conditions.find(({ type }) => type === allowed);
  const condition: Condition = {
    type: allowed,
    status: "False",
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime: before?.status === "False" ? before.lastTransitionTime : now,
    reason: "InsufficientPods",
    message: "",
  };
  return before === undefined
    ? [...conditions, condition]
    : conditions.map((other) => (other === before ? condition : other));
}

function denialOf(name: string, { currentHealthy, desiredHealthy, conditions }: Status): string {
  const budget = `The disruption budget ${name}`;
  const why = conditions?.find(
    ({ type, status: value, message }) => type === allowed && value === "False" && message !== "",
  );
  // Of a failed sync the numbers say nothing.
  if (why?.reason === "SyncFailed") {
    return `${budget} does not allow evicting pods currently because it failed sync: ${why.message}`;
  }
  if (currentHealthy <= desiredHealthy) {
    return `${budget} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  const reason = why === undefined ? "" : ` (${why.reason}): ${why.message}`;
  return `${budget} does not allow evicting pods currently${reason}`;
}

export const stillProcessed = (name: string): StatusError =>
  tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);

const tooMany = (message: string, retryAfterSeconds: number): StatusError =>
  failure({
    code: 429,
    reason: "TooManyRequests",
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: {
      causes: [{ reason: "DisruptionBudget", message }],
      ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
    },
  });

const forbidden = (name: string, why: string): StatusError =>
  forbiddenError({ group: "policy", resource: "poddisruptionbudget", name }, why);
