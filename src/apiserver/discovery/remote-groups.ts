/** Group versions of other servers among our own, by their priorities. upstream: kube-aggregator/pkg/apiserver/handler_apis.go */
import type { APIResourceDiscovery } from "#api/generated/types/apidiscovery-v2.ts";
import type { GroupVersionPriority } from "#api/scheme.ts";
import { compareVersions, type DiscoveredGroup, type DiscoveredVersion } from "./document.ts";

export interface RemoteVersion extends GroupVersionPriority {
  readonly published: readonly APIResourceDiscovery[];
  readonly freshness: "Current" | "Stale";
}

/** Of custom resources, as their APIServices have it. */
const customPriority = { groupPriority: 1000, versionPriority: 100 };
/** The group of APIServices comes first: "It's good to be king." */
const firstGroup = "apiregistration.k8s.io";

export function withRemoteGroups(
  local: readonly DiscoveredGroup[],
  remote: readonly RemoteVersion[],
  builtin: readonly GroupVersionPriority[],
): readonly DiscoveredGroup[] {
  if (remote.length === 0) return local;
  const remoteGroups = Map.groupBy(remote, ({ group }) => group);
  const names = [...new Set([...local.map(({ name }) => name), ...remoteGroups.keys()])];
  const priorityOf = (name: string): number =>
    Math.max(
      ...[...builtin, ...remote]
        .filter(({ group }) => group === name)
        .map(({ groupPriority }) => groupPriority),
      local.some((group) => group.name === name) ? customPriority.groupPriority : 0,
      name === firstGroup ? Number.POSITIVE_INFINITY : 0,
    );
  return names
    .map((name) => ({
      group: mergedGroup(name, local, remoteGroups.get(name) ?? [], builtin),
      priority: priorityOf(name),
    }))
    .toSorted((a, b) => (a.priority === b.priority ? byName(a.group, b.group) : b.priority - a.priority))
    .map(({ group }) => group);
}

const byName = (a: DiscoveredGroup, b: DiscoveredGroup): number => (a.name < b.name ? -1 : 1);

function mergedGroup(
  name: string,
  local: readonly DiscoveredGroup[],
  remote: readonly RemoteVersion[],
  builtin: readonly GroupVersionPriority[],
): DiscoveredGroup {
  const own = local.find((group) => group.name === name)?.versions ?? [];
  if (remote.length === 0) return { name, versions: own };
  const isRemote = new Set(remote.map(({ version }) => version));
  const priorityOf = ({ version }: DiscoveredVersion): number =>
    [...remote, ...builtin].find((each) => each.group === name && each.version === version)
      ?.versionPriority ?? customPriority.versionPriority;
  const versions: DiscoveredVersion[] = [
    ...own.filter(({ version }) => !isRemote.has(version)),
    ...remote.map(({ version, published, freshness }) => ({ version, resources: [], published, freshness })),
  ];
  return {
    name,
    versions: versions.toSorted(
      (a, b) => priorityOf(b) - priorityOf(a) || compareVersions(a.version, b.version),
    ),
  };
}
