/** Which labels a kubelet may give its own node: others steer workloads. upstream: staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go */

const allowed = new Set([
  "kubernetes.io/hostname",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "kubernetes.io/os",
  "kubernetes.io/arch",
]);
const allowedDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const forbiddenDomain = "node-restriction.kubernetes.io";

export function modifiedLabels(
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>> | undefined,
): string[] {
  const keys = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return [...keys].filter((key) => a?.[key] !== b?.[key]);
}

/** Those that a node may not touch, sorted. */
export function forbiddenLabels(keys: readonly string[]): string[] {
  return keys.filter((key) => !mayTouch(key)).toSorted();
}

function mayTouch(key: string): boolean {
  const slash = key.indexOf("/");
  const domain = slash < 0 ? "" : key.slice(0, slash);
  if (isWithin(domain, forbiddenDomain)) return false;
  if (!isWithin(domain, "kubernetes.io") && !isWithin(domain, "k8s.io")) return true;
  return allowed.has(key) || allowedDomains.some((one) => isWithin(domain, one));
}

const isWithin = (domain: string, parent: string): boolean =>
  domain === parent || domain.endsWith(`.${parent}`);
