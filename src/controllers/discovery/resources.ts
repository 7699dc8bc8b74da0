/**
 * What the server serves, one version of each resource: the one it prefers.
 * Asks for aggregated discovery and understands a server that answers in the older way.
 * upstream: client-go/discovery/discovery_client.go ServerPreferredResources
 */
import type {
  APIGroupList,
  APIResource,
  APIResourceList,
  APIVersions,
} from "#api/generated/types/meta-v1.ts";
import { apiVersionOf, parseApiVersion } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { errorText } from "#base/log.ts";
import type { Transport } from "#client/client.ts";

export interface ServedResource extends ResourceRef {
  readonly verbs: readonly string[];
}

export interface Discovery {
  readonly resources: readonly ServedResource[];
  /** Group versions (or roots) that couldn't be asked, with the reason. What they serve is unknown, not absent. */
  readonly failures: ReadonlyMap<string, string>;
}

interface DiscoveredVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ServedResource[];
}

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

export async function discoverResources(transport: Transport): Promise<Discovery> {
  const failures = new Map<string, string>();
  const roots = await Promise.all(["/api", "/apis"].map((path) => readRoot(transport, path, failures)));
  const resources = new Map<string, ServedResource>();
  // Versions come in the group's order of preference: the first that serves a resource wins.
  for (const version of roots.flat()) {
    for (const resource of version.resources) {
      const key = `${resource.group}/${resource.resource}`;
      if (!resources.has(key)) resources.set(key, resource);
    }
  }
  return { resources: [...resources.values()], failures };
}

async function readRoot(
  transport: Transport,
  path: string,
  failures: Map<string, string>,
): Promise<readonly DiscoveredVersion[]> {
  let body: unknown;
  try {
    ({ body } = await transport.request({ method: "GET", path, headers: { accept: aggregated } }));
  } catch (error) {
    failures.set(path, errorText(error));
    return [];
  }
  const { kind } = body as { readonly kind?: string };
  if (kind === "APIGroupDiscoveryList") return fromAggregated(body as AggregatedList, failures);
  const groupVersions =
    kind === "APIVersions"
      ? (body as APIVersions).versions
      : (body as APIGroupList).groups.flatMap(preferredFirst);
  const versions = await Promise.all(
    groupVersions.map((groupVersion) => readVersion(transport, `${path}/${groupVersion}`, failures)),
  );
  return versions.filter((version) => version !== undefined);
}

function preferredFirst({ preferredVersion, versions }: APIGroupList["groups"][number]): string[] {
  const all = versions.map(({ groupVersion }) => groupVersion);
  const preferred = preferredVersion?.groupVersion;
  return preferred === undefined ? all : [preferred, ...all.filter((one) => one !== preferred)];
}

async function readVersion(
  transport: Transport,
  path: string,
  failures: Map<string, string>,
): Promise<DiscoveredVersion | undefined> {
  const groupVersion = path.replace(/^\/apis?\//, "");
  try {
    const { body } = await transport.request({ method: "GET", path });
    const own = parseApiVersion(groupVersion);
    const list = (body as APIResourceList).resources;
    const resources = list
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, kind, namespaced, verbs }: APIResource) => ({
        ...own,
        resource: name,
        kind,
        namespaced,
        verbs,
      }));
    return { ...own, resources };
  } catch (error) {
    failures.set(groupVersion, errorText(error));
    return undefined;
  }
}

/** The part of apidiscovery.k8s.io/v2 that is read here. */
interface AggregatedList {
  readonly items: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly kind?: string };
        readonly scope: string;
        readonly verbs?: readonly string[];
      }[];
    }[];
  }[];
}

function fromAggregated(
  { items }: AggregatedList,
  failures: Map<string, string>,
): readonly DiscoveredVersion[] {
  return items.flatMap(({ metadata, versions = [] }) =>
    versions.map(({ version, freshness, resources = [] }) => {
      const own = { group: metadata?.name ?? "", version };
      if (freshness === "Stale") failures.set(apiVersionOf(own), "stale GroupVersion discovery");
      return {
        ...own,
        resources: resources.map(({ resource, responseKind, scope, verbs = [] }) => ({
          ...own,
          resource,
          kind: responseKind?.kind ?? "",
          namespaced: scope === "Namespaced",
          verbs,
        })),
      };
    }),
  );
}
