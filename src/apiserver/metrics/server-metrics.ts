/** What metrics say of a server without being told: its build, its process, what it stores. */
import { Gauge, type Registry } from "prom-client";
import type { Logger } from "#base/log.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { versionDocument, type ServerVersion } from "#apiserver/version.ts";
import { registerCacheMetrics, type StorageSource } from "./cache-metrics.ts";
import { registerClientMetrics } from "./client-metrics.ts";
import { registerMetaMetrics } from "./meta-metrics.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { alpha } from "./stability.ts";

export interface ServerMetricsDeps extends StorageSource {
  readonly log: Logger;
  readonly version: ServerVersion;
  /** Of all clients in this process. */
  readonly counts: ClientCounts;
}

export function registerServerMetrics(registry: Registry, deps: ServerMetricsDeps): void {
  registerProcessMetrics(registry, deps.log);
  registerMetaMetrics(registry);
  registerBuildInfo(registry, deps.version);
  registerCacheMetrics(registry, deps);
  registerClientMetrics(registry, deps.counts);
}

/** upstream: component-base/metrics/version.go */
function registerBuildInfo(registry: Registry, version: ServerVersion): void {
  const document = versionDocument(version);
  const labels = {
    major: document["major"] ?? "",
    minor: document["minor"] ?? "",
    git_version: document["gitVersion"] ?? "",
    git_commit: document["gitCommit"] ?? "",
    git_tree_state: document["gitTreeState"] ?? "",
    build_date: document["buildDate"] ?? "",
    go_version: document["goVersion"] ?? "",
    compiler: document["compiler"] ?? "",
    platform: document["platform"] ?? "",
  };
  const gauge = new Gauge({
    name: "kubernetes_build_info",
    help: alpha(
      "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    ),
    labelNames: Object.keys(labels),
    registers: [registry],
  });
  gauge.set(labels, 1);
}
