/** What a server that extends the API says of its resources. upstream: kube-aggregator/pkg/apiserver/handler_discovery.go */
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type {
  APIGroupDiscovery,
  APIResourceDiscovery,
  APISubresourceDiscovery,
} from "#api/generated/types/apidiscovery-v2.ts";
import type { APIResource, APIResourceList } from "#api/generated/types/meta-v1.ts";
import { apiVersionOf, type GroupVersion } from "#api/meta/object.ts";
import type { RemoteDocument } from "./remote-fetch.ts";

/** Asks the server for a document of its. Throws when there is no answer. */
export type Fetch = (service: APIService, path: string, accept: string) => Promise<RemoteDocument>;

const json = "application/json";
const aggregated = ["v2", "v2beta1"]
  .map((version) => `${json};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .join(",");

/** Throws when the server doesn't answer, or with something else than discovery. */
export async function fetchDiscovery(
  service: APIService,
  own: GroupVersion,
  fetch: Fetch,
): Promise<readonly APIResourceDiscovery[]> {
  const all = await fetch(service, "/apis", aggregated);
  if (all.status === 200 && all.contentType.includes("as=APIGroupDiscoveryList")) {
    const { items } = JSON.parse(all.body) as { readonly items: readonly APIGroupDiscovery[] };
    const group = items.find(({ metadata }) => metadata?.name === own.group);
    return group?.versions?.find(({ version }) => version === own.version)?.resources ?? [];
  }
  const path = `/apis/${apiVersionOf(own)}`;
  const { status, body } = await fetch(service, path, json);
  if (status !== 200) {
    throw new Error(`failed to download discovery for ${path}: ${status} ${body.slice(0, 500)}`);
  }
  return discoveryOf(own, (JSON.parse(body) as APIResourceList).resources);
}

/** upstream: apiserver/pkg/endpoints ConvertGroupVersionIntoToDiscovery */
export function discoveryOf(own: GroupVersion, resources: readonly APIResource[]): APIResourceDiscovery[] {
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map((resource) => {
      const { name, shortNames = [], categories = [] } = resource;
      const subresources = resources
        .filter((each) => each.name.startsWith(`${name}/`))
        .map((each): APISubresourceDiscovery => ({
          subresource: each.name.slice(name.length + 1),
          responseKind: kindOf(own, each),
          verbs: [...each.verbs],
        }));
      return {
        resource: name,
        responseKind: kindOf(own, resource),
        scope: resource.namespaced ? "Namespaced" : "Cluster",
        singularResource: resource.singularName,
        verbs: [...resource.verbs],
        ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
        ...(categories.length === 0 ? {} : { categories: [...categories] }),
        ...(subresources.length === 0 ? {} : { subresources }),
      };
    });
}

function kindOf(
  own: GroupVersion,
  { group = "", version = "", kind }: APIResource,
): GroupVersion & { kind: string } {
  return { group: group === "" ? own.group : group, version: version === "" ? own.version : version, kind };
}
