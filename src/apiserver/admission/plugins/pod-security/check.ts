/** What a check of the pod security standards is, and how its findings are worded. upstream: pod-security-admission/policy/{checks,helpers,visitor}.go */
import type { Container, PodSpec } from "#api/generated/types/core-v1.ts";

/** A pod, or the template of one. */
export interface PodLike {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

export interface Violation {
  readonly reason: string;
  /** "" when there is nothing to add. */
  readonly detail: string;
}

export type CheckPod = (pod: PodLike) => Violation | undefined;

export interface VersionedCheck {
  /** The first minor version of the policy that it belongs to. */
  readonly since: number;
  readonly run: CheckPod;
  /** Baseline checks that this one makes needless. */
  readonly overrides?: readonly string[];
}

export interface Check {
  readonly id: string;
  /** Oldest first. */
  readonly versions: readonly VersionedCheck[];
}

/** Containers in the order in which they are looked at; those of debugging included. */
export function containersOf({ spec }: PodLike): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

export const namesOf = (containers: readonly Container[]): string[] => containers.map(({ name }) => name);

export const joinQuoted = (texts: readonly string[]): string =>
  texts.map((text) => JSON.stringify(text)).join(", ");

/** Each once, sorted. */
export const distinct = (texts: readonly string[]): string[] => [...new Set(texts)].toSorted();

export const plural = (one: string, several: string, count: number): string => (count === 1 ? one : several);

/** `containers "a", "b"`; undefined for none. */
export function containersText(names: readonly string[]): string | undefined {
  return names.length === 0
    ? undefined
    : `${plural("container", "containers", names.length)} ${joinQuoted(names)}`;
}

/** `pod and container "a"`: who set what isn't allowed; undefined for nobody. */
export function settersText(isPod: boolean, containers: readonly string[]): string | undefined {
  const setters = [isPod ? "pod" : undefined, containersText(containers)].filter(
    (text) => text !== undefined,
  );
  return setters.length === 0 ? undefined : setters.join(" and ");
}

export const violation = (reason: string, detail = ""): Violation => ({ reason, detail });
