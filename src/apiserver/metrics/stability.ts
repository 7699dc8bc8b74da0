/** What is promised of a metric stands before its help. upstream: component-base/metrics/{opts,desc}.go */

export const alpha = (help: string): string => `[ALPHA] ${help}`;
export const beta = (help: string): string => `[BETA] ${help}`;
export const stable = (help: string): string => `[STABLE] ${help}`;

/** `release`: "1.34.0" */
export const deprecated = (release: string, help: string): string => `(Deprecated since ${release}) ${help}`;

export interface Stability {
  /** "ALPHA", "BETA", "STABLE" */
  readonly level: string;
  /** "" for one that isn't deprecated. */
  readonly deprecatedRelease: string;
}

/** Undefined for metrics that nothing is promised of: those of the process. */
export function stabilityOf(help: string): Stability | undefined {
  const found = /^\[(?<level>ALPHA|BETA|STABLE)\] (?:\(Deprecated since (?<release>[\d.]+)\) )?/.exec(help);
  const { level, release = "" } = found?.groups ?? {};
  return level === undefined ? undefined : { level, deprecatedRelease: release };
}
