/** What a migration's status says next. upstream: pkg/controller/storageversionmigrator/util.go setStatusConditions */
import type { Condition } from "#api/generated/types/meta-v1.ts";
import type {
  StorageVersionMigration,
  StorageVersionMigrationStatus,
} from "#api/generated/types/storagemigration-v1beta1.ts";

export type Stage = "Running" | "Succeeded" | "Failed";

const reasons: Readonly<Record<Stage, string>> = {
  Running: "StorageVersionMigrationInProgress",
  Succeeded: "StorageVersionMigrationSucceeded",
  Failed: "StorageVersionMigrationFailed",
};

export const hasReached = ({ status }: StorageVersionMigration, stage: Stage): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === stage && value === "True") === true;

export const isOver = (migration: StorageVersionMigration): boolean =>
  hasReached(migration, "Succeeded") || hasReached(migration, "Failed");

/** What has ended doesn't run. `now` is RFC 3339. */
export function statusAt(
  migration: StorageVersionMigration,
  stage: Stage,
  { now, message = "" }: { readonly now: string; readonly message?: string },
): StorageVersionMigrationStatus {
  const { status = {} } = migration;
  if (hasReached(migration, stage)) return status;
  const before = (status.conditions ?? []).map((condition) =>
    condition.type === "Running" && stage !== "Running" ? { ...condition, status: "False" } : condition,
  );
  const reached: Condition = {
    type: stage,
    status: "True",
    lastTransitionTime: now,
    reason: reasons[stage],
    message,
  };
  return { ...status, conditions: [...before.filter(({ type }) => type !== stage), reached] };
}
