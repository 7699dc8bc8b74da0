/** What a Deployment reads off its ReplicaSets. Pure. upstream: pkg/controller/deployment/util/deployment_util.go */
import { isMap } from "#api/patch/json-value.ts";
import { isWrittenBigint } from "#base/exact-json.ts";
import type { Deployment, ReplicaSet } from "#api/generated/types/apps-v1.ts";
import type { PodTemplateSpec } from "#api/generated/types/core-v1.ts";
import { scaledValue } from "#api/meta/int-or-string.ts";
import { parseTime } from "#base/clock.ts";

export const hashLabel = "pod-template-hash";
export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";

export const specReplicas = (set: ReplicaSet | undefined): number => set?.spec?.replicas ?? 0;
export const wantedReplicas = (deployment: Deployment): number => deployment.spec?.replicas ?? 0;
export const isRolling = (deployment: Deployment): boolean => deployment.spec?.strategy?.type !== "Recreate";

const sum = (sets: readonly ReplicaSet[], value: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + value(set), 0);

export const totalSpec = (sets: readonly ReplicaSet[]): number => sum(sets, specReplicas);
export const totalActual = (sets: readonly ReplicaSet[]): number =>
  sum(sets, (set) => set.status?.replicas ?? 0);
export const totalReady = (sets: readonly ReplicaSet[]): number =>
  sum(sets, (set) => set.status?.readyReplicas ?? 0);
export const totalAvailable = (sets: readonly ReplicaSet[]): number =>
  sum(sets, (set) => set.status?.availableReplicas ?? 0);

/** Undefined while a set that was seen by its controller doesn't tell. Upstream: GetTerminatingReplicaCountForReplicaSets */
export function totalTerminating(sets: readonly ReplicaSet[]): number | undefined {
  const told = sets.filter(
    ({ status }) => (status?.observedGeneration ?? 0) > 0 || status?.terminatingReplicas !== undefined,
  );
  if (told.some(({ status }) => status?.terminatingReplicas === undefined)) return undefined;
  return sum(told, (set) => set.status?.terminatingReplicas ?? 0);
}

export interface RollingBounds {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** Both as pods; never both zero, or nothing could ever move. */
export function rollingBounds(deployment: Deployment): RollingBounds {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const wanted = wantedReplicas(deployment);
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge ?? "25%", wanted, "up");
  const maxUnavailable = scaledValue(rolling?.maxUnavailable ?? "25%", wanted, "down");
  return {
    maxSurge,
    maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, wanted),
  };
}

/** The hash label is ours and says nothing about the template. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

/** JSON with sorted keys, without what is empty: equal for equal values however they were written. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (!isMap(part) || isWrittenBigint(part)) return part;
    const entries = Object.entries(part).filter(([, item]) => !isEmpty(item));
    return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}

const createdAt = (set: ReplicaSet): number => parseTime(set.metadata?.creationTimestamp ?? "") || 0;

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const difference = createdAt(a) - createdAt(b);
  return difference === 0 ? ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1) : difference;
}

/** The set of the current template: the oldest, should there be several. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return sets.toSorted(byAge).find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));
}

export function revisionOf(set: ReplicaSet): number {
  const text = set.metadata?.annotations?.[revisionAnnotation] ?? "";
  return /^\d+$/.test(text) ? Number(text) : 0;
}

function annotatedNumber(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata?.annotations?.[annotation] ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

export const desiredOf = (set: ReplicaSet): number | undefined => annotatedNumber(set, desiredAnnotation);

/** The Deployment was scaled since its sets were last sized. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets
    .filter((set) => specReplicas(set) > 0)
    .some((set) => desiredOf(set) !== undefined && desiredOf(set) !== wantedReplicas(deployment));
}

/** Annotations of a Deployment that its sets don't get. */
const ownAnnotations = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredAnnotation,
  maxAnnotation,
]);

const historyMaxChars = 2000;

/** What the new set's annotations must be. */
export function newSetAnnotations(
  deployment: Deployment,
  current: Readonly<Record<string, string>>,
  revision: number,
): Record<string, string> {
  const copied = Object.entries(deployment.metadata?.annotations ?? {}).filter(
    ([name]) => !ownAnnotations.has(name),
  );
  const annotations: Record<string, string> = { ...current, ...Object.fromEntries(copied) };
  const old = current[revisionAnnotation];
  if (Number(old ?? 0) < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (old !== undefined) {
      const history = [...(current[revisionHistoryAnnotation] ?? "").split(",").filter(Boolean), old];
      while (history.join(",").length > historyMaxChars) history.shift();
      annotations[revisionHistoryAnnotation] = history.join(",");
    }
  }
  return annotations;
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = wantedReplicas(deployment);
  return {
    [desiredAnnotation]: String(wanted),
    [maxAnnotation]: String(wanted + rollingBounds(deployment).maxSurge),
  };
}

export const maxOf = (set: ReplicaSet): number | undefined => annotatedNumber(set, maxAnnotation);
