/** Discovery one group version at a time, as it was before aggregation and as some commands still ask for it. */
import { createHash } from "node:crypto";
import type { APIGroup, APIResource, APIResourceList, APIVersions } from "#api/generated/types/meta-v1.ts";
import { apiVersionOf, type GroupVersion } from "#api/meta/object.ts";
import type { ResourceDefinition, SubresourceDefinition } from "#api/scheme.ts";
import type { DiscoveredGroup } from "./document.ts";

/** /api. `serverAddress`: "10.0.0.1:6443". */
export function apiVersions(core: DiscoveredGroup, serverAddress: string): APIVersions {
  return {
    kind: "APIVersions",
    versions: core.versions.map(({ version }) => version),
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** /apis. The core group isn't in it. */
export function apiGroupList(groups: readonly DiscoveredGroup[]): {
  readonly kind: "APIGroupList";
  readonly apiVersion: "v1";
  readonly groups: readonly APIGroup[];
} {
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.filter(({ name }) => name !== "").map(groupOf),
  };
}

/** /apis/GROUP */
export function apiGroup(group: DiscoveredGroup): APIGroup {
  return { kind: "APIGroup", apiVersion: "v1", ...groupOf(group) };
}

function groupOf({ name, versions }: DiscoveredGroup): APIGroup {
  const all = versions.map(({ version }) => ({
    groupVersion: apiVersionOf({ group: name, version }),
    version,
  }));
  const [preferredVersion] = all;
  return { name, versions: all, ...(preferredVersion === undefined ? {} : { preferredVersion }) };
}

/** /api/v1 and /apis/GROUP/VERSION. `hasHashes`: of how each resource is stored. */
export function apiResourceList(
  own: GroupVersion,
  resources: readonly ResourceDefinition[],
  hasHashes = true,
): APIResourceList {
  const groupVersion = apiVersionOf(own);
  return {
    kind: "APIResourceList",
    // The core group's list has none, since its beginnings.
    ...(own.group === "" ? {} : { apiVersion: "v1" }),
    groupVersion,
    resources: resources.flatMap((definition) => [
      resourceOf(definition, hasHashes),
      ...definition.subresources.map((subresource) => subresourceOf(definition, subresource)),
    ]),
  };
}

function resourceOf(definition: ResourceDefinition, hasHashes: boolean): APIResource {
  const { shortNames, categories, verbs } = definition;
  return {
    name: definition.resource,
    singularName: definition.singular,
    namespaced: definition.namespaced,
    kind: definition.kind,
    verbs: [...verbs],
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
    // Only what is stored: componentstatuses and reviews aren't.
    ...(hasHashes && verbs.includes("watch") ? { storageVersionHash: storageVersionHash(definition) } : {}),
  };
}

function subresourceOf(definition: ResourceDefinition, subresource: SubresourceDefinition): APIResource {
  const isForeign = subresource.group !== definition.group || subresource.version !== definition.version;
  return {
    name: `${definition.resource}/${subresource.name}`,
    singularName: "",
    namespaced: definition.namespaced,
    ...(isForeign ? { group: subresource.group, version: subresource.version } : {}),
    kind: subresource.kind,
    verbs: [...subresource.verbs],
  };
}

/** Opaque: equal hashes mean the same stored form. upstream: apiserver/pkg/endpoints/discovery/storageversionhash.go */
function storageVersionHash({ storageVersion, kind }: ResourceDefinition): string {
  const text = `${storageVersion.group}/${storageVersion.version}/${kind}`;
  return createHash("sha256").update(text).digest().subarray(0, 8).toString("base64");
}
