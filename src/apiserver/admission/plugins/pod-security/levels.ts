/** What a namespace's labels say about its pods' security. upstream: pod-security-admission/api/helpers.go */
import { invalid, type FieldError } from "#api/meta/field-error.ts";

export type Level = "privileged" | "baseline" | "restricted";

/** The 34 of "v1.34"; undefined for "latest". */
export type Minor = number | undefined;

export interface LevelVersion {
  readonly level: Level;
  readonly minor: Minor;
}

export interface NamespacePolicy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const latest: Minor = undefined;
const privileged: LevelVersion = { level: "privileged", minor: latest };

/** Of namespaces without labels. */
export const openPolicy: NamespacePolicy = { enforce: privileged, audit: privileged, warn: privileged };

export const levels: readonly Level[] = ["privileged", "baseline", "restricted"];
const labelPrefix = "pod-security.kubernetes.io/";

/** "restricted:latest", as messages name it. */
export const levelText = ({ level, minor }: LevelVersion): string =>
  `${level}:${minor === undefined ? "latest" : `v1.${minor}`}`;

export const isSameLevel = (a: LevelVersion, b: LevelVersion): boolean =>
  a.level === b.level && a.minor === b.minor;

export const isSamePolicy = (a: NamespacePolicy, b: NamespacePolicy): boolean =>
  isSameLevel(a.enforce, b.enforce) && isSameLevel(a.audit, b.audit) && isSameLevel(a.warn, b.warn);

/** Negative when `a` allows more than `b`. */
export const compareLevels = (a: Level, b: Level): number => levels.indexOf(a) - levels.indexOf(b);

export interface ReadPolicy {
  readonly policy: NamespacePolicy;
  /** Labels that can't be understood; for them the policy has the strictest level, or for audit and warn none. */
  readonly faults: readonly FieldError[];
}

export function readPolicy(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: NamespacePolicy = openPolicy,
): ReadPolicy {
  const faults: FieldError[] = [];
  const mode = (name: keyof NamespacePolicy, onBadLevel: Level): LevelVersion => {
    const level = readLevel(`${labelPrefix}${name}`, labels, faults) ?? { is: defaults[name].level };
    const version = readVersion(`${labelPrefix}${name}-version`, labels, faults);
    return {
      level: level.is ?? onBadLevel,
      minor: version === undefined ? defaults[name].minor : version.is,
    };
  };
  const policy = {
    enforce: mode("enforce", "restricted"),
    audit: mode("audit", "privileged"),
    warn: mode("warn", "privileged"),
  };
  return { policy, faults };
}

type Labels = Readonly<Record<string, string>> | undefined;

function readLevel(
  key: string,
  labels: Labels,
  faults: FieldError[],
): { readonly is: Level | undefined } | undefined {
  const text = labels?.[key];
  if (text === undefined) return undefined;
  const found = levels.find((level) => level === text);
  if (found === undefined) {
    faults.push(invalid(`metadata.labels[${key}]`, text, `must be one of ${levels.join(", ")}`));
  }
  return { is: found };
}

function readVersion(key: string, labels: Labels, faults: FieldError[]): { readonly is: Minor } | undefined {
  const text = labels?.[key];
  if (text === undefined) return undefined;
  const parsed = parseMinor(text);
  if (parsed === undefined) faults.push(invalid(`metadata.labels[${key}]`, text, badMinorText));
  return parsed ?? { is: latest };
}

export const badMinorText = 'must be "latest" or "v1.x"';

/** Undefined for what is no version. */
export function parseMinor(text: string): { readonly is: Minor } | undefined {
  if (text === "latest") return { is: latest };
  const minor = /^v1\.(0|[1-9]\d*)$/.exec(text)?.[1];
  return minor === undefined ? undefined : { is: Number(minor) };
}
