/** Everything that isn't a resource: version, health, metrics, discovery, OpenAPI, tokens' public keys. */
import type { Registry } from "prom-client";
import {
  discoveryDocument,
  discoveryFault,
  discoveryPaths,
  type DiscoveryOptions,
} from "./authn/service-account/discovery.ts";
import type { DiscoveryRoutes } from "./discovery-routes.ts";
import { health, healthPaths, type HealthCheck, type HealthOptions } from "./health.ts";
import { acceptsGzip, compressed } from "./http/compression.ts";
import type { Answer, ApiCall } from "./request/call.ts";
import { exposition } from "./metrics/exposition.ts";
import { jsonMediaType } from "./request/media-type.ts";
import { assertGet } from "./request/refusals.ts";
import { versionDocument, type ServerVersion } from "./version.ts";

export interface OutsideDeps extends HealthOptions {
  readonly version: ServerVersion;
  readonly discovery: DiscoveryRoutes;
  readonly checks: readonly HealthCheck[];
  readonly metrics: Registry;
  /** Of the health checks alone. */
  readonly healthMetrics: Registry;
  /** /openapi/v2 and /openapi/v3/…; undefined for a path that isn't there. */
  readonly openapi: (call: ApiCall) => Answer | undefined;
  readonly tokenDiscovery: DiscoveryOptions;
  /** Of priority and fairness; undefined for another path. */
  readonly flowDump: (path: string, query: URLSearchParams) => string | undefined;
}

export async function outside(call: ApiCall, deps: OutsideDeps): Promise<Answer | undefined> {
  const { path } = call;
  if (path === "/version" || path === "/version/") return onGet(call, json(versionDocument(deps.version)));
  if (path === "/metrics") return metricsAnswer(call, deps.metrics);
  if (path === "/metrics/slis") return metricsAnswer(call, deps.healthMetrics);
  if (path.startsWith("/openapi/")) return deps.openapi(call);
  const dump = deps.flowDump(path, call.query);
  if (dump !== undefined) return textAnswer(dump);
  if (path === "/") return rootPaths(deps);
  return (
    (await health(call, deps.checks, deps)) ??
    deps.discovery.answer(call) ??
    onGet(call, tokenDiscovery(path, deps.tokenDiscovery))
  );
}

/** Throws 405 for another method; most other paths take any. */
function onGet(call: ApiCall, found: Answer | undefined): Answer | undefined {
  if (found !== undefined) assertGet(call);
  return found;
}

function tokenDiscovery(path: string, options: DiscoveryOptions): Answer | undefined {
  const document = discoveryDocument(path, options);
  if (document === undefined) return undefined;
  const { contentType, cacheControl, body } = document;
  const headers = { "content-type": contentType, "cache-control": cacheControl };
  return { kind: "raw", status: 200, headers, body: JSON.stringify(body) };
}

const textAnswer = (body: string): Answer => ({
  kind: "raw",
  status: 200,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body,
});

async function metricsAnswer(call: ApiCall, registry: Registry): Promise<Answer> {
  const { contentType, body } = await exposition(registry, call.header("accept"));
  const headers = { "content-type": contentType };
  if (!acceptsGzip(call.header("accept-encoding"))) return { kind: "raw", status: 200, headers, body };
  const zipped = await compressed(Buffer.from(body as string));
  return { kind: "raw", status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: zipped };
}

const json = (value: unknown): Answer => ({
  kind: "raw",
  status: 200,
  headers: { "content-type": jsonMediaType },
  body: JSON.stringify(value, undefined, 2),
});

/** upstream: apiserver/pkg/server/routes/index.go */
const rootPaths = ({ discovery, checks, tokenDiscovery: { issuer } }: OutsideDeps): Answer =>
  json({
    paths: [
      ...(discoveryFault(issuer) === undefined ? discoveryPaths : []),
      "/apis",
      "/apis/",
      "/metrics",
      "/metrics/slis",
      "/openapi/v2",
      "/openapi/v3",
      "/openapi/v3/",
      "/version",
      ...discovery.paths(),
      ...healthPaths(checks),
    ].toSorted(),
  });
