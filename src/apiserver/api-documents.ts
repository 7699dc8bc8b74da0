/** What tells clients of the API itself: discovery and OpenAPI, of what is built in, what is defined and what others serve. */
import type { Registry } from "prom-client";
import type { ProtobufCodec } from "#api/codec/protobuf.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Scheme } from "#api/scheme.ts";
import type { Clock } from "#base/clock.ts";
import type { Aggregator } from "./aggregation/aggregator.ts";
import type { CustomResources } from "./crd/custom-resources.ts";
import { CustomSources } from "./crd/openapi.ts";
import { DiscoveryRoutes, type DiscoveryOptions } from "./discovery-routes.ts";
import { OpenApiRoutes } from "./openapi-routes.ts";
import type { Descriptions } from "./openapi/descriptions.ts";
import { builtinSources } from "./openapi/v3.ts";
import type { ServerVersion } from "./version.ts";

export interface ApiDocumentsDeps {
  readonly scheme: Scheme;
  readonly table: TypeTable;
  readonly descriptions: Descriptions;
  readonly version: ServerVersion;
  readonly protobuf: ProtobufCodec;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly aggregator: Aggregator;
  /** Asked for each time: they are made later. */
  readonly custom: () => Pick<CustomResources, "resources" | "definitions">;
}

export interface ApiDocuments {
  readonly discovery: DiscoveryRoutes;
  readonly openapi: OpenApiRoutes;
}

export function apiDocuments(options: DiscoveryOptions, deps: ApiDocumentsDeps): ApiDocuments {
  const { aggregator, clock, custom, version } = deps;
  const resources = (): CustomResources["resources"] => custom().resources;
  const discovery = new DiscoveryRoutes(options, {
    ...deps,
    now: () => clock.now(),
    // What they say is whole as it is.
    written: (document) => document,
    custom: resources,
    remote: () => aggregator.versions,
  });
  const told = { ...deps, version: version.gitVersion };
  let builtin: ReturnType<typeof builtinSources> | undefined;
  const defined = new CustomSources({ ...told, resources, definitions: () => custom().definitions });
  const openapi = new OpenApiRoutes(
    () => [...(builtin ??= builtinSources(told)), ...defined.sources(), ...aggregator.openapi()],
    () => clock.now(),
  );
  return { discovery, openapi };
}
