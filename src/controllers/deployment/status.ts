/** A Deployment's status and progress. Pure. upstream: pkg/controller/deployment/{progress,sync}.go */
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from "#api/generated/types/apps-v1.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import {
  rollingBounds,
  totalActual,
  totalAvailable,
  totalReady,
  totalSpec,
  totalTerminating,
  wantedReplicas,
} from "./replica-sets.ts";

export interface ConditionText {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

type ConditionType = "Progressing" | "Available" | "ReplicaFailure";

/** No deadline, or the largest number there is, means no progress reports. */
const noDeadline = 2 ** 31 - 1;

export function hasDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== noDeadline;
}

export function conditionOf(
  status: DeploymentStatus | undefined,
  type: ConditionType,
): DeploymentCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The same status and reason change nothing; the same status keeps its time of transition. */
export function withCondition(
  status: DeploymentStatus,
  type: ConditionType,
  text: ConditionText,
  now: number,
): DeploymentStatus {
  const current = conditionOf(status, type);
  if (current?.status === text.status && current.reason === text.reason) return status;
  return replaceCondition(status, type, text, {
    now,
    since: current?.status === text.status ? current.lastTransitionTime : undefined,
  });
}

function replaceCondition(
  status: DeploymentStatus,
  type: ConditionType,
  text: ConditionText,
  { now, since }: { readonly now: number; readonly since: string | undefined },
): DeploymentStatus {
  const time = toRfc3339(now);
  const condition = { type, ...text, lastUpdateTime: time, lastTransitionTime: since ?? time };
  return { ...status, conditions: [...withoutCondition(status, type), condition] };
}

const withoutCondition = (status: DeploymentStatus, type: ConditionType): DeploymentCondition[] =>
  (status.conditions ?? []).filter((condition) => condition.type !== type);

export interface Sets {
  readonly newSet: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

const allOf = ({ newSet, old }: Sets): readonly ReplicaSet[] =>
  newSet === undefined ? old : [...old, newSet];

/** Counts and the Available condition. */
export function countedStatus(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  const all = allOf(sets);
  const available = totalAvailable(all);
  const terminating = totalTerminating(all);
  const counts = {
    replicas: totalActual(all),
    updatedReplicas: sets.newSet?.status?.replicas ?? 0,
    readyReplicas: totalReady(all),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalSpec(all) - available),
  };
  const { collisionCount, conditions } = deployment.status ?? {};
  const status: DeploymentStatus = {
    ...(deployment.metadata?.generation === undefined
      ? {}
      : { observedGeneration: deployment.metadata.generation }),
    ...Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0)),
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: [...(conditions ?? [])],
  };
  const isEnough = available >= wantedReplicas(deployment) - rollingBounds(deployment).maxUnavailable;
  const text: ConditionText = isEnough
    ? { status: "True", reason: "MinimumReplicasAvailable", message: "Deployment has minimum availability." }
    : {
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  return withCondition(status, "Available", text, now);
}

/** Counts, Available, and how the rollout goes. */
export function rolloutStatus(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  let status = countedStatus(deployment, sets, now);
  if (hasDeadline(deployment)) status = withProgress(deployment, status, { sets, now });
  else status = { ...status, conditions: withoutCondition(status, "Progressing") };
  const failure = failureOf(sets);
  if (failure === undefined) return { ...status, conditions: withoutCondition(status, "ReplicaFailure") };
  return withCondition(status, "ReplicaFailure", failure, now);
}

function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  { sets, now }: { readonly sets: Sets; readonly now: number },
): DeploymentStatus {
  const current = conditionOf(deployment.status, "Progressing");
  const isOver =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === "NewReplicaSetAvailable";
  if (isOver) return status;
  const subject =
    sets.newSet === undefined
      ? `Deployment ${JSON.stringify(deployment.metadata?.name)}`
      : `ReplicaSet ${JSON.stringify(sets.newSet.metadata?.name)}`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(
      status,
      "Progressing",
      { status: "True", reason: "NewReplicaSetAvailable", message },
      now,
    );
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    // Each step forward renews the deadline: the time of update moves even when nothing else changes.
    const since = current?.status === "True" ? current.lastTransitionTime : undefined;
    const text = {
      status: "True",
      reason: "ReplicaSetUpdated",
      message: `${subject} is progressing.`,
    } as const;
    return replaceCondition(status, "Progressing", text, { now, since });
  }
  if (isTimedOut(deployment, status, now)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(
      status,
      "Progressing",
      { status: "False", reason: "ProgressDeadlineExceeded", message },
      now,
    );
  }
  return status;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldReplicas(after) < oldReplicas(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

const oldReplicas = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number =>
  replicas - updatedReplicas;

function isTimedOut(deployment: Deployment, status: DeploymentStatus, now: number): boolean {
  const condition = conditionOf(status, "Progressing");
  if (condition === undefined || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return deadlineOf(deployment, condition) < now;
}

function deadlineOf(deployment: Deployment, condition: DeploymentCondition): number {
  return parseTime(condition.lastUpdateTime ?? "") + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
}

/** When to look again although nothing happens; undefined when nothing can become late. */
export function msUntilDeadline(
  deployment: Deployment,
  status: DeploymentStatus,
  now: number,
): number | undefined {
  const condition = conditionOf(status, "Progressing");
  if (!hasDeadline(deployment) || condition === undefined || isComplete(deployment, status)) return undefined;
  if (condition.reason === "ProgressDeadlineExceeded" || condition.reason === "DeploymentPaused") {
    return undefined;
  }
  return Math.max(0, deadlineOf(deployment, condition) - now) + 1000;
}

function failureOf({ newSet, old }: Sets): ConditionText | undefined {
  for (const set of newSet === undefined ? old : [newSet, ...old]) {
    const condition = set.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
    if (condition !== undefined) {
      const { status, reason = "", message = "" } = condition;
      return { status: status as ConditionText["status"], reason, message };
    }
  }
  return undefined;
}
