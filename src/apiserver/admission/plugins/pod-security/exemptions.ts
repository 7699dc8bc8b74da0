/** What a PodSecurityConfiguration says: the levels of namespaces without labels, and whom no level concerns. upstream: pod-security-admission/admission/{admission.go,api} */
import { isSamePolicy, levelText, openPolicy, type NamespacePolicy } from "./levels.ts";

export interface PodSecuritySettings {
  readonly defaults: NamespacePolicy;
  readonly exemptions: {
    readonly usernames: ReadonlySet<string>;
    readonly namespaces: ReadonlySet<string>;
    readonly runtimeClasses: ReadonlySet<string>;
  };
}

export const noSettings: PodSecuritySettings = {
  defaults: openPolicy,
  exemptions: { usernames: new Set(), namespaces: new Set(), runtimeClasses: new Set() },
};

/** Undefined when the labels of an exempt namespace ask for nothing that would be missed. */
export function ignoredPolicyText(
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
  policy: NamespacePolicy,
  defaults: NamespacePolicy,
): string | undefined {
  const isOpen = Object.values(policy).every(
    ({ level }: NamespacePolicy["enforce"]) => level === "privileged",
  );
  if (isOpen || isSamePolicy(policy, defaults)) return undefined;
  const asked = (["enforce", "audit", "warn"] as const)
    .filter((mode) => policy[mode].level !== "privileged" && isLabelled(labels, mode))
    .map((mode) => `${mode}=${levelText(policy[mode])}`);
  return `namespace ${JSON.stringify(namespace)} is exempt from Pod Security, and the policy (${asked.join(", ")}) will be ignored`;
}

function isLabelled(labels: Readonly<Record<string, string>> | undefined, mode: string): boolean {
  const key = `pod-security.kubernetes.io/${mode}`;
  return labels?.[key] !== undefined || labels?.[`${key}-version`] !== undefined;
}
