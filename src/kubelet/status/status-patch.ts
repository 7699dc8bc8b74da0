/** The difference between the status the API has and the one we want, as a strategic merge patch. */
import type { PodCondition, PodStatus } from "#api/generated/types/core-v1.ts";

const plainFields = [
  "observedGeneration",
  "phase",
  "reason",
  "message",
  "hostIP",
  "podIP",
  "startTime",
  "qosClass",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
] as const;

/** Lists merged by "ip": replaced as a whole, or an old address would stay. */
const addressFields = ["hostIPs", "podIPs"] as const;

/** Undefined when the API has it all. */
export function statusPatch(
  known: PodStatus | undefined,
  wanted: PodStatus,
): Record<string, unknown> | undefined {
  const api = known ?? {};
  const patch: Record<string, unknown> = {};
  for (const field of plainFields) {
    if (!covers(api[field], wanted[field])) patch[field] = wanted[field] ?? null; // null removes
  }
  for (const field of addressFields) {
    const list = wanted[field];
    if (list === undefined || covers(api[field], list)) continue;
    patch[field] = isEmpty(api[field]) ? list : [{ $patch: "replace" }, ...list];
  }
  addConditions(patch, api.conditions ?? [], wanted.conditions ?? []);
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function addConditions(
  patch: Record<string, unknown>,
  api: readonly PodCondition[],
  wanted: readonly PodCondition[],
): void {
  const conditions = wanted.filter((condition) => !hasCondition(api, condition));
  if (conditions.length === 0) return;
  Object.assign(patch, {
    conditions: conditions.map((condition) => {
      const before = api.find(({ type }) => type === condition.type);
      return {
        // Merged by type: what no longer holds must be taken out by name.
        ...(isEmpty(before?.reason) ? {} : { reason: null }),
        ...(isEmpty(before?.message) ? {} : { message: null }),
        ...condition,
        lastProbeTime: null,
      };
    }),
    "$setElementOrder/conditions": elementOrder(api, wanted),
  });
}

/** Ours first, in our order, then what others added. */
function elementOrder(api: readonly PodCondition[], wanted: readonly PodCondition[]): { type: string }[] {
  return [...new Set([...wanted, ...api].map(({ type }) => type))].map((type) => ({ type }));
}

function hasCondition(api: readonly PodCondition[], wanted: PodCondition): boolean {
  const there = api.find(({ type }) => type === wanted.type);
  return (
    there !== undefined &&
    there.status === wanted.status &&
    (there.reason ?? "") === (wanted.reason ?? "") &&
    (there.message ?? "") === (wanted.message ?? "") &&
    there.lastTransitionTime === wanted.lastTransitionTime &&
    (there.observedGeneration ?? 0) === (wanted.observedGeneration ?? 0)
  );
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** Equal, where absent and empty are the same: the server leaves out what is empty. */
export function covers(a: unknown, b: unknown): boolean {
  if (isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  if (Array.isArray(a) && Object.keys(left).length !== Object.keys(right).length) return false;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) =>
    covers(left[key], right[key]),
  );
}
