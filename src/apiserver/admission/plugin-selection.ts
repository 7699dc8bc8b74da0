/** Which plugins look at writes, and in which order. upstream: pkg/kubeapiserver/options/plugins.go, apiserver/pkg/server/options/admission.go */

/** In the order they are asked; beyond these, what upstream's storage judges is judged by plugins that are always on. */
export const pluginNames = [
  "AlwaysAdmit",
  "NamespaceAutoProvision",
  "NamespaceLifecycle",
  "NamespaceExists",
  "LimitPodHardAntiAffinityTopology",
  "LimitRanger",
  "ServiceAccount",
  "NodeRestriction",
  "TaintNodesByCondition",
  "AlwaysPullImages",
  "ImagePolicyWebhook",
  "PodSecurity",
  "PodNodeSelector",
  "Priority",
  "DefaultTolerationSeconds",
  "PodTolerationRestriction",
  "EventRateLimit",
  "ExtendedResourceToleration",
  "DefaultStorageClass",
  "StorageObjectInUseProtection",
  "OwnerReferencesPermissionEnforcement",
  "PersistentVolumeClaimResize",
  "RuntimeClass",
  "CertificateApproval",
  "CertificateSigning",
  "ClusterTrustBundleAttest",
  "CertificateSubjectRestriction",
  "DefaultIngressClass",
  "DenyServiceExternalIPs",
  "PodTopologyLabels",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionWebhook",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionWebhook",
  "ResourceQuota",
  "AlwaysDeny",
] as const;

export type PluginName = (typeof pluginNames)[number];

/** NodeRestriction is off in upstream, and on in whatever sets it up: kubeadm, k3s, kind. */
const offByDefault: ReadonlySet<PluginName> = new Set<PluginName>([
  "AlwaysAdmit",
  "NamespaceAutoProvision",
  "NamespaceExists",
  "LimitPodHardAntiAffinityTopology",
  "AlwaysPullImages",
  "ImagePolicyWebhook",
  "PodNodeSelector",
  "PodTolerationRestriction",
  "EventRateLimit",
  "ExtendedResourceToleration",
  "OwnerReferencesPermissionEnforcement",
  "DenyServiceExternalIPs",
  "AlwaysDeny",
]);

export interface PluginSelection {
  /** Names of plugins that are off by default. Those of others change nothing. */
  readonly enable: readonly string[];
  readonly disable: readonly string[];
}

export const defaultSelection: PluginSelection = { enable: [], disable: [] };

export function enabledPlugins({ enable, disable }: PluginSelection): ReadonlySet<PluginName> {
  return new Set(
    pluginNames.filter(
      (name) => enable.includes(name) || !(offByDefault.has(name) || disable.includes(name)),
    ),
  );
}

/** Each names its flag. */
export function selectionFaults({ enable, disable }: PluginSelection): readonly string[] {
  const known: readonly string[] = pluginNames;
  const unknown = (flag: string, names: readonly string[]): string[] =>
    names
      .filter((name) => !known.includes(name))
      .map((name) => `--${flag} has ${JSON.stringify(name)}, must be of ${known.join(", ")}`);
  const both = enable.filter((name) => disable.includes(name));
  return [
    ...unknown("enable-admission-plugins", enable),
    ...unknown("disable-admission-plugins", disable),
    ...(both.length === 0
      ? []
      : [`--enable-admission-plugins and --disable-admission-plugins both have ${both.join(", ")}`]),
  ];
}
