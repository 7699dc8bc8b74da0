/**
 * Discovery in one document. upstream: apiserver/pkg/endpoints/discovery/aggregated and apidiscovery.k8s.io
 */
import type {
  APIGroupDiscovery,
  APIResourceDiscovery,
  APISubresourceDiscovery,
} from "#api/generated/types/apidiscovery-v2.ts";
import type { ResourceDefinition, SubresourceDefinition } from "#api/scheme.ts";
import {
  jsonMediaType,
  protobufMediaType,
  yamlMediaType,
  type Offer,
} from "#apiserver/request/media-type.ts";
import type { DiscoveredGroup } from "./document.ts";

export interface AggregatedDiscovery {
  readonly kind: "APIGroupDiscoveryList";
  readonly apiVersion: string;
  readonly metadata: Readonly<Record<string, never>>;
  readonly items: readonly APIGroupDiscovery[];
}

const group = "apidiscovery.k8s.io";
const version = "v2";
const kind = "APIGroupDiscoveryList";

/** Who doesn't ask for this shape gets the legacy documents. The version before is no longer served. */
export const aggregatedOffer: Offer = {
  mediaTypes: [jsonMediaType, yamlMediaType, protobufMediaType],
  shapes: new Map([[kind, [version]]]),
  shapeGroup: group,
  serverVersions: [],
};

/** What the answer's Content-Type must say, for clients to take it. */
export const aggregatedContentType = (mediaType: string): string =>
  `${mediaType};g=${group};v=${version};as=${kind}`;

export function aggregatedDiscovery(groups: readonly DiscoveredGroup[]): AggregatedDiscovery {
  return { kind, apiVersion: `${group}/${version}`, metadata: {}, items: groups.map(groupOf) };
}

/** Of the document that it stands in. */
const ownGroupVersion = { group: "", version: "" };

function groupOf({ name, versions }: DiscoveredGroup): APIGroupDiscovery {
  return {
    metadata: name === "" ? {} : { name },
    versions: versions.map((each) => ({
      version: each.version,
      resources: [...(each.published ?? each.resources.map(resourceOf))],
      freshness: each.freshness ?? "Current",
    })),
  };
}

function resourceOf(definition: ResourceDefinition): APIResourceDiscovery {
  const { shortNames, categories, subresources } = definition;
  return {
    resource: definition.resource,
    responseKind: { ...ownGroupVersion, kind: definition.kind },
    scope: definition.namespaced ? "Namespaced" : "Cluster",
    singularResource: definition.singular,
    verbs: [...definition.verbs],
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
    ...(subresources.length === 0
      ? {}
      : { subresources: subresources.map((subresource) => subresourceOf(definition, subresource)) }),
  };
}

function subresourceOf(
  { group: ofGroup, version: ofVersion }: ResourceDefinition,
  subresource: SubresourceDefinition,
): APISubresourceDiscovery {
  const isForeign = subresource.group !== ofGroup || subresource.version !== ofVersion;
  const own = isForeign ? { group: subresource.group, version: subresource.version } : ownGroupVersion;
  return {
    subresource: subresource.name,
    responseKind: { ...own, kind: subresource.kind },
    verbs: [...subresource.verbs],
  };
}
