/** What /version says. Clients compare the minor version with their own. */
export interface ServerVersion {
  /** "v1.35.2+minik8s" */
  readonly gitVersion: string;
  readonly gitCommit: string;
  /** RFC 3339. */
  readonly buildDate: string;
  /** "linux/amd64" */
  readonly platform: string;
}

export function versionDocument(version: ServerVersion): Readonly<Record<string, string>> {
  return {
    major: "1",
    minor: "35",
    emulationMajor: "1",
    emulationMinor: "35",
    minCompatibilityMajor: "1",
    minCompatibilityMinor: "34",
    gitVersion: version.gitVersion,
    gitCommit: version.gitCommit,
    gitTreeState: "clean",
    buildDate: version.buildDate,
    goVersion: "go1.25.6",
    compiler: "gc",
    platform: version.platform,
  };
}
