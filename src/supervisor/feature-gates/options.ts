/** --feature-gates. upstream: component-base/featuregate/feature_gate.go */
import type { FeatureGate, SwitchableGate } from "#apiserver/metrics/feature-metrics.ts";
import type { OptionSpec } from "#base/options.ts";
import { gates, type Gate } from "./gates.ts";

export const featureGateSpecs: readonly OptionSpec[] = [
  {
    name: "feature-gates",
    type: "list",
    placeholder: "NAME=BOOL",
    group: "cluster",
    text: "Feature gates of kube-apiserver 1.35; few of them change anything here",
  },
];

/** What they would turn on is there without: --runtime-config serves it. */
const needless = new Set([
  "ClusterTrustBundle",
  "ClusterTrustBundleProjection",
  "MutatingAdmissionPolicy",
  "PodCertificateRequest",
  "StorageVersionMigrator",
]);

const switchable: ReadonlySet<string> = new Set<SwitchableGate>(["APIServerIdentity", "StorageVersionHash"]);

interface Values {
  list(name: string): readonly string[];
  readonly faults: string[];
}

/** All there are, as they are set. */
export function readFeatureGates(values: Values): readonly FeatureGate[] {
  const set = new Map<string, boolean>();
  for (const text of values.list("feature-gates")) {
    const fault = take(text, set);
    if (fault !== undefined) values.faults.push(`--feature-gates: ${fault}`);
  }
  return [...gates].map(([name, gate]) => ({
    name,
    stage: gate.stage,
    isEnabled: set.get(name) ?? gate.default,
    warning: warningOf(name, gate, set.get(name)),
  }));
}

/** Of one that somebody has set: it won't always be there. */
function warningOf(name: string, { stage }: Gate, value: boolean | undefined): string | undefined {
  if (value === undefined || (stage !== "GA" && stage !== "DEPRECATED")) return undefined;
  const what = stage === "GA" ? "GA" : "deprecated";
  return `Setting ${what} feature gate ${name}=${String(value)}. It will be removed in a future release.`;
}

/** upstream takes what strconv.ParseBool takes. */
const bools: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text): [string, boolean] => [text, true]),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text): [string, boolean] => [text, false]),
]);

/** What is wrong with it, where upstream refuses it in upstream's words. */
function take(text: string, set: Map<string, boolean>): string | undefined {
  const at = text.indexOf("=");
  const name = (at < 0 ? text : text.slice(0, at)).trim();
  if (at < 0) return `missing bool value for ${name}`;
  const given = text.slice(at + 1).trim();
  const value = bools.get(given);
  if (value === undefined) {
    return `invalid value of ${name}=${given}, err: strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`;
  }
  const gate = gates.get(name);
  if (gate === undefined) return `unrecognized feature gate: ${name}`;
  if (gate.isLocked && value !== gate.default) {
    return `cannot set feature gate ${name} to ${String(value)}, feature is locked to ${String(gate.default)}`;
  }
  if (!isPossible(name, gate, value)) {
    return `cannot set feature gate ${name} to ${String(value)}, what it stands for can't be switched here`;
  }
  set.set(name, value);
  return undefined;
}

function isPossible(name: string, gate: Gate, value: boolean): boolean {
  // To say so would turn off what is on.
  if (name === "AllBeta") return false;
  return value === gate.default || needless.has(name) || switchable.has(name);
}
