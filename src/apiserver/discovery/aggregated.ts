/**
 * Discovery in one document. upstream: apiserver/pkg/endpoints/discovery/aggregated and apidiscovery.k8s.io
 */
import type {
  APIGroupDiscovery,
  APIResourceDiscovery,
  APISubresourceDiscovery,
} from "#api/generated/types/apidiscovery-v2.ts";
import type { ResourceDefinition, SubresourceDefinition } from "#api/scheme.ts";
import type { DiscoveredGroup } from "./document.ts";

export type AggregatedVersion = "v2" | "v2beta1";

export interface AggregatedDiscovery {
  readonly kind: "APIGroupDiscoveryList";
  readonly apiVersion: string;
  readonly metadata: Readonly<Record<string, never>>;
  readonly items: readonly APIGroupDiscovery[];
}

const group = "apidiscovery.k8s.io";
const kind = "APIGroupDiscoveryList";

/** What the answer's Content-Type must say, for clients to take it. */
export const aggregatedContentType = (version: AggregatedVersion): string =>
  `application/json;g=${group};v=${version};as=${kind}`;

/** The first form that the client asks for and we have; undefined: the legacy documents. */
export function negotiateAggregated(accept: string): AggregatedVersion | undefined {
  for (const clause of accept.split(",")) {
    const [media = "", ...parameters] = clause.split(";").map((part) => part.trim());
    const values = new Map(parameters.map((part) => splitParameter(part)));
    const isJson = media === "application/json";
    const version = values.get("g") === group && values.get("as") === kind ? values.get("v") : undefined;
    if (isJson && (version === "v2" || version === "v2beta1")) return version;
    // Asked for plain JSON before any form of ours: that is the legacy document.
    if ((isJson || media === "*/*") && !values.has("as")) return undefined;
  }
  return undefined;
}

function splitParameter(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

export function aggregatedDiscovery(
  groups: readonly DiscoveredGroup[],
  version: AggregatedVersion,
): AggregatedDiscovery {
  return { kind, apiVersion: `${group}/${version}`, metadata: {}, items: groups.map(groupOf) };
}

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
    responseKind: { group: definition.group, version: definition.version, kind: definition.kind },
    scope: definition.namespaced ? "Namespaced" : "Cluster",
    singularResource: definition.singular,
    verbs: [...definition.verbs],
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
    ...(subresources.length === 0 ? {} : { subresources: subresources.map(subresourceOf) }),
  };
}

function subresourceOf({
  name,
  group: ofGroup,
  version,
  kind: ofKind,
  verbs,
}: SubresourceDefinition): APISubresourceDiscovery {
  return { subresource: name, responseKind: { group: ofGroup, version, kind: ofKind }, verbs: [...verbs] };
}
