/** The resources of a server by the names that people use for them. upstream: kubectl's RESTMapper over discovery */
import type { Transport } from "#client/client.ts";

export interface Resource {
  readonly group: string;
  readonly version: string;
  /** "deployments" */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly kind: string;
  readonly isNamespaced: boolean;
  readonly verbs: ReadonlySet<string>;
}

interface GroupDiscovery {
  readonly metadata?: { readonly name?: string };
  readonly versions?: readonly {
    readonly version: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly responseKind?: { readonly kind?: string };
      readonly scope: string;
      readonly singularResource?: string;
      readonly shortNames?: readonly string[];
      readonly verbs?: readonly string[];
    }[];
  }[];
}

const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

export class UnknownResourceError extends Error {
  override readonly name = "UnknownResourceError";
  readonly code = "UNKNOWN_RESOURCE";
}

/** Each of them once, in its preferred version, the core group first. */
export async function discoverResources(transport: Transport, signal: AbortSignal): Promise<Resource[]> {
  const found = new Map<string, Resource>();
  for (const path of ["/api", "/apis"]) {
    const { body } = await transport.request({ method: "GET", path, headers: { accept }, signal });
    const { items = [] } = body as { items?: readonly GroupDiscovery[] };
    for (const resource of items.flatMap(resourcesOf)) {
      const key = `${resource.plural}.${resource.group}`;
      if (!found.has(key)) found.set(key, resource);
    }
  }
  return [...found.values()];
}

function resourcesOf({ metadata, versions = [] }: GroupDiscovery): Resource[] {
  return versions.flatMap(({ version, resources = [] }) =>
    resources.map((each) => ({
      group: metadata?.name ?? "",
      version,
      plural: each.resource,
      singular: each.singularResource ?? "",
      shortNames: each.shortNames ?? [],
      kind: each.responseKind?.kind ?? "",
      isNamespaced: each.scope === "Namespaced",
      verbs: new Set(each.verbs ?? []),
    })),
  );
}

/** By "deploy", "deployment", "deployments", "Deployment" or "deployments.apps". Throws UnknownResourceError. */
export function findResource(resources: readonly Resource[], text: string): Resource {
  const [name = "", ...rest] = text.toLowerCase().split(".");
  const group = rest.join(".");
  const candidates = resources.filter((each) => group === "" || each.group === group);
  const found =
    candidates.find(({ plural, singular }) => plural === name || singular === name) ??
    candidates.find(({ kind }) => kind.toLowerCase() === name) ??
    candidates.find(({ shortNames }) => shortNames.includes(name));
  if (found === undefined) {
    throw new UnknownResourceError(`the server doesn't have a resource type ${JSON.stringify(text)}`);
  }
  return found;
}

/** Of a namespace, of all of them (""), or of the cluster. */
export function pathOf({ group, version, plural, isNamespaced }: Resource, namespace: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return isNamespaced && namespace !== "" ? `${root}/namespaces/${namespace}/${plural}` : `${root}/${plural}`;
}
