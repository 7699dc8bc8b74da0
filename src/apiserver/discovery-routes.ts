/** The discovery documents at their paths, made when first asked for. */
import type { Registry } from "prom-client";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import { aggregatedContentType, aggregatedDiscovery, aggregatedOffer } from "./discovery/aggregated.ts";
import { documentOf, groupsOf, type DiscoveredGroup, type DiscoveryDocument } from "./discovery/document.ts";
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "./discovery/legacy.ts";
import { withRemoteGroups, type RemoteVersion } from "./discovery/remote-groups.ts";
import { isHumanAgent, negotiateOnly, negotiatePlain, type ShapeDeps, type Wish } from "./http/shape.ts";
import { SeriesCounter, type Count } from "./metrics/series-counter.ts";
import { alpha } from "./metrics/stability.ts";
import type { Answer, ApiCall } from "./request/call.ts";
import { jsonMediaType } from "./request/media-type.ts";
import { assertGet } from "./request/refusals.ts";
import { assertProduced } from "./request/route-media.ts";

export interface DiscoveryOptions {
  /** "10.0.0.1:6443" */
  readonly serverAddress: string;
  /** Of how each resource is stored. */
  readonly hasStorageHashes: boolean;
}

export interface DiscoveryDeps extends ShapeDeps {
  readonly scheme: Scheme;
  /** Custom resources; another list when something has changed. */
  readonly custom: () => readonly ResourceDefinition[];
  /** Of servers that extend this one; another list when something has changed. */
  readonly remote: () => readonly RemoteVersion[];
  readonly registry: Registry;
}

export class DiscoveryRoutes {
  readonly #options: DiscoveryOptions;
  readonly #deps: DiscoveryDeps;
  readonly #documents = new Map<string, DiscoveryDocument>();
  readonly #aggregations: Count;
  #custom: readonly ResourceDefinition[] | undefined;
  #remote: readonly RemoteVersion[] | undefined;
  #groups: readonly DiscoveredGroup[] = [];

  constructor(options: DiscoveryOptions, deps: DiscoveryDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#aggregations = aggregationCount(deps.registry);
  }

  /** Undefined when the path isn't discovery's. Throws 405: what lists groups takes any method, the rest only GET. */
  answer(call: ApiCall): Answer | undefined {
    const parts = call.path.split("/").filter((part) => part !== "");
    const [root, first, second, ...rest] = parts;
    if ((root !== "api" && root !== "apis") || rest.length > 0) return undefined;
    if (first === undefined) return this.#root(root, call);
    if (root === "api") return second === undefined ? this.#resources("", first, call) : undefined;
    return second === undefined ? this.#group(first, call) : this.#resources(first, second, call);
  }

  #allGroups(): readonly DiscoveredGroup[] {
    const custom = this.#deps.custom();
    const remote = this.#deps.remote();
    if (custom !== this.#custom || remote !== this.#remote) {
      const { scheme } = this.#deps;
      const isNew = ({ group, version, resource }: ResourceDefinition): boolean =>
        scheme.resource(group, version, resource) === undefined;
      this.#custom = custom;
      this.#remote = remote;
      this.#aggregations.add();
      const local = groupsOf([...scheme.served(), ...custom.filter(isNew)], scheme.groups());
      this.#groups = withRemoteGroups(local, remote, scheme.groupVersions());
      this.#documents.clear();
    }
    return this.#groups;
  }

  #root(root: "api" | "apis", call: ApiCall): Answer {
    if (root === "api") assertDocument(call);
    const groups = this.#allGroups().filter(({ name }) => (name === "") === (root === "api"));
    const shape = negotiateOnly(aggregatedOffer, wishOf(call), this.#deps);
    if (shape !== undefined) {
      const document = this.#document(`/${root} aggregated`, () => aggregatedDiscovery(groups));
      const { mediaType, isPretty } = shape.accepted;
      const isPlain = mediaType === jsonMediaType && !isPretty;
      const body = isPlain ? document.body : shape.encode({ ...document.object });
      return answered(call, document.etag, aggregatedContentType(mediaType), body);
    }
    return this.#legacy(`/${root}`, call, () => {
      const [core] = groups;
      return root === "api" && core !== undefined
        ? apiVersions(core, this.#options.serverAddress)
        : apiGroupList(groups);
    });
  }

  #group(name: string, call: ApiCall): Answer | undefined {
    const group = this.#allGroups().find((each) => each.name === name);
    if (group === undefined) return undefined;
    return this.#legacy(call.path, call, () => apiGroup(group));
  }

  #resources(group: string, version: string, call: ApiCall): Answer | undefined {
    const found = this.#allGroups()
      .find(({ name }) => name === group)
      ?.versions.find((each) => each.version === version);
    if (found === undefined) return undefined;
    if (this.#deps.scheme.groups().includes(group)) assertDocument(call);
    return this.#legacy(call.path, call, () =>
      apiResourceList({ group, version }, found.resources, this.#options.hasStorageHashes),
    );
  }

  /** Throws 406. Only aggregated documents are revalidated upstream. */
  #legacy(key: string, call: ApiCall, make: () => object): Answer {
    const shape = negotiatePlain(wishOf(call), this.#deps);
    const { object, body } = this.#document(key, make);
    // In protobuf all of them say what they are.
    const encoded = shape.isPlainJson
      ? body
      : shape.encode(shape.isObjectJson ? { ...object } : { apiVersion: "v1", ...object });
    return { kind: "raw", status: 200, headers: { "content-type": shape.contentType(false) }, body: encoded };
  }

  /** What a list of all paths has of these. */
  paths(): string[] {
    return this.#allGroups().flatMap(({ name, versions }) => {
      const root = name === "" ? "/api" : `/apis/${name}`;
      return [root, ...versions.map(({ version }) => `${root}/${version}`)];
    });
  }

  #document(key: string, make: () => object): DiscoveryDocument {
    let document = this.#documents.get(key);
    if (document === undefined) {
      document = documentOf(make());
      this.#documents.set(key, document);
    }
    return document;
  }
}

/** upstream: apiserver/pkg/endpoints/discovery/aggregated/metrics.go */
const aggregationCount = (registry: Registry): Count =>
  new SeriesCounter(
    {
      name: "aggregator_discovery_aggregation_count_total",
      help: alpha("Counter of number of times discovery was aggregated"),
      labelNames: [],
    },
    registry,
  ).count({});

/** Throws 405 or 406. These have a router before them. */
function assertDocument(call: ApiCall): void {
  assertGet(call);
  assertProduced(call.header("accept"));
}

const wishOf = (call: ApiCall): Wish => ({
  accept: call.header("accept"),
  query: call.query,
  isHuman: isHumanAgent(call.header("user-agent")),
});

function answered(call: ApiCall, etag: string, contentType: string, body: Buffer | string): Answer {
  const headers = { etag, vary: "Accept", "cache-control": "public" };
  if (call.header("if-none-match") === etag) return { kind: "raw", status: 304, headers, body: "" };
  return { kind: "raw", status: 200, headers: { ...headers, "content-type": contentType }, body };
}
