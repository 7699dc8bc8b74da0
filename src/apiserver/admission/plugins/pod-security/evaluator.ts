/** Which checks a level has at a version, and what they say of a pod. upstream: pod-security-admission/policy/registry.go */
import type { Check, CheckPod, PodLike, VersionedCheck, Violation } from "./check.ts";
import { baselineChecks } from "./baseline.ts";
import type { LevelVersion, Minor } from "./levels.ts";
import { restrictedChecks } from "./restricted.ts";

/** Baseline checks come first; each list is in the order of its ids. */
const ordered = (checks: readonly Check[]): readonly Check[] =>
  checks.toSorted((a, b) => (a.id < b.id ? -1 : 1));

function atVersion({ versions }: Check, minor: Minor): VersionedCheck | undefined {
  return versions.findLast(({ since }) => minor === undefined || since <= minor);
}

function checksOf({ level, minor }: LevelVersion): readonly CheckPod[] {
  if (level === "privileged") return [];
  const restricted = ordered(level === "restricted" ? restrictedChecks : []).flatMap(
    (check) => atVersion(check, minor) ?? [],
  );
  const overridden = new Set(restricted.flatMap(({ overrides = [] }) => overrides));
  const baseline = ordered(baselineChecks)
    .filter(({ id }) => !overridden.has(id))
    .flatMap((check) => atVersion(check, minor) ?? []);
  return [...baseline, ...restricted].map(({ run }) => run);
}

export const violationsOf = (policy: LevelVersion, pod: PodLike): readonly Violation[] =>
  checksOf(policy).flatMap((check) => check(pod) ?? []);

/** "host namespaces, privileged": for many pods at once. */
export const reasonsText = (violations: readonly Violation[]): string =>
  violations.map(({ reason }) => reason).join(", ");

/** "host namespaces (hostPID), privileged (…)": for one pod. */
export const detailsText = (violations: readonly Violation[]): string =>
  violations.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`)).join(", ");
