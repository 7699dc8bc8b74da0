/**
 * What the caches and the store behind them have done, by resource: read from their counts when metrics are asked for.
 * upstream: apiserver/pkg/storage/{cacher,etcd3}/metrics/metrics.go
 */
import { Gauge, type Registry } from "prom-client";
import { histogramAtCollection, type Labels } from "#apiserver/http/series-histogram.ts";
import type { CacheCounts } from "#apiserver/registry/cache-counts.ts";
import type { ResourceCache } from "#apiserver/registry/resource-cache.ts";
import { countAtCollection } from "./series-counter.ts";
import { alpha, beta, deprecated, stable } from "./stability.ts";

export interface StoredResource {
  /** "" for the core group. */
  readonly group: string;
  /** "deployments" */
  readonly resource: string;
  readonly cache: ResourceCache;
}

export interface StorageSource {
  /** All that is stored, custom resources among it. */
  stored(): Iterable<StoredResource>;
  /** What every cache has seen. */
  revision(): bigint;
  sizeBytes(): Promise<number>;
}

const byResource = ["group", "resource"];

/** Upstream cuts a longer one off, so that it never loses digits. */
const shownRevisions = 10n ** 15n;

type ReadCount = (counts: CacheCounts) => number;

const counters: readonly [name: string, help: string, read: ReadCount][] = [
  [
    "watch_cache_events_received_total",
    alpha("Counter of events received in watch cache broken by resource type."),
    (counts) => counts.received,
  ],
  [
    "watch_cache_events_dispatched_total",
    alpha("Counter of events dispatched in watch cache broken by resource type."),
    (counts) => counts.dispatched,
  ],
  [
    "watch_cache_initializations_total",
    alpha("Counter of watch cache initializations broken by resource type."),
    (counts) => counts.initializations,
  ],
  [
    "init_events_total",
    alpha("Counter of init events processed in watch cache broken by resource type."),
    (counts) => counts.initEvents,
  ],
  [
    "terminated_watchers_total",
    alpha("Counter of watchers closed due to unresponsiveness broken by resource type."),
    (counts) => counts.terminated,
  ],
  [
    "cache_list_returned_objects_total",
    alpha("Number of objects returned for a LIST request from watch cache"),
    ({ cacheLists }) => cacheLists.returned,
  ],
  [
    "storage_events_received_total",
    beta("Number of etcd events received split by kind."),
    (counts) => counts.received,
  ],
  [
    "storage_list_total",
    alpha("Number of LIST requests served from storage"),
    ({ storageLists }) => storageLists.lists,
  ],
  [
    "storage_list_fetched_objects_total",
    alpha("Number of objects read from storage in the course of serving a LIST request"),
    ({ storageLists }) => storageLists.fetched,
  ],
  [
    // Of what is fetched, everything is looked at.
    "storage_list_evaluated_objects_total",
    alpha("Number of objects tested in the course of serving a LIST request from storage"),
    ({ storageLists }) => storageLists.fetched,
  ],
  [
    "storage_list_returned_objects_total",
    alpha("Number of objects returned for a LIST request from storage"),
    ({ storageLists }) => storageLists.returned,
  ],
  [
    "storage_decode_errors_total",
    alpha("Number of stored object decode errors split by object type"),
    (counts) => counts.decodeErrors,
  ],
];

/** No resource's objects are looked up by an index for a list: the label says "". */
const byIndex: readonly [name: string, help: string, read: ReadCount][] = [
  [
    "cache_list_total",
    alpha("Number of LIST requests served from watch cache"),
    ({ cacheLists }) => cacheLists.lists,
  ],
  [
    "cache_list_fetched_objects_total",
    alpha("Number of objects read from watch cache in the course of serving a LIST request"),
    ({ cacheLists }) => cacheLists.fetched,
  ],
];

export function registerCacheMetrics(registry: Registry, source: StorageSource): void {
  for (const [name, help, read] of counters) {
    countAtCollection({ name: `apiserver_${name}`, help, labelNames: byResource }, registry, () =>
      seen(source, read, {}),
    );
  }
  for (const [name, help, read] of byIndex) {
    const labelNames = [...byResource, "index"];
    countAtCollection({ name: `apiserver_${name}`, help, labelNames }, registry, () =>
      seen(source, read, { index: "" }),
    );
  }
  const consistent = {
    name: "apiserver_watch_cache_consistent_read_total",
    help: alpha("Counter for consistent reads from cache."),
    labelNames: [...byResource, "success", "fallback"],
  };
  countAtCollection(consistent, registry, () => [
    ...seen(source, (counts) => counts.consistentReads.succeeded, { success: "true", fallback: "false" }),
    ...seen(source, (counts) => counts.consistentReads.failed, { success: "false", fallback: "false" }),
  ]);
  const waits = {
    name: "apiserver_watch_cache_read_wait_seconds",
    help: alpha("Histogram of time spent waiting for a watch cache to become fresh."),
  };
  histogramAtCollection(waits, registry, () =>
    [...source.stored()]
      .filter(({ cache }) => cache.counts.readWaits.count > 0)
      .map(({ group, resource, cache }) => ({ labels: { group, resource }, series: cache.counts.readWaits })),
  );
  registerGauges(registry, source);
}

/** As in Go, what has never happened has no series. */
function* seen(
  source: StorageSource,
  read: ReadCount,
  more: Labels,
): Generator<{ readonly labels: Labels; readonly value: number }> {
  for (const { group, resource, cache } of source.stored()) {
    const value = read(cache.counts);
    if (value > 0) yield { labels: { group, resource, ...more }, value };
  }
}

function registerGauges(registry: Registry, source: StorageSource): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: (cache: ResourceCache) => number): void => {
    const shown: Gauge = new Gauge({
      name,
      help,
      labelNames: byResource,
      registers,
      collect: () => {
        shown.reset();
        for (const { group, resource, cache } of source.stored()) shown.set({ group, resource }, read(cache));
      },
    });
  };
  gauge(
    "apiserver_watch_cache_resource_version",
    alpha(
      "Current resource version of watch cache broken by resource type. This is truncated to the 15 least significant digits.",
    ),
    () => Number(source.revision() % shownRevisions),
  );
  gauge(
    "watch_cache_capacity",
    alpha("Total capacity of watch cache broken by resource type."),
    (cache) => cache.ringCapacity,
  );
  gauge(
    "apiserver_resource_objects",
    alpha(
      "Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
    ),
    (cache) => cache.size,
  );
  gauge(
    "apiserver_resource_size_estimate_bytes",
    alpha(
      "Estimated size of stored objects in database. Estimate is based on sum of last observed sizes of serialized objects. In case of a fetching error, the value will be -1.",
    ),
    ({ stored }) => stored.bytes,
  );
  const objects: Gauge = new Gauge({
    name: "apiserver_storage_objects",
    help: stable(
      deprecated(
        "1.34.0",
        "[DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
      ),
    ),
    labelNames: ["resource"],
    registers,
    collect: () => {
      objects.reset();
      for (const { group, resource, cache } of source.stored()) {
        objects.set({ resource: group === "" ? resource : `${resource}.${group}` }, cache.size);
      }
    },
  });
  const size: Gauge = new Gauge({
    name: "apiserver_storage_size_bytes",
    help: stable("Size of the storage database file physically allocated in bytes."),
    labelNames: ["storage_cluster_id"],
    registers,
    collect: async () => {
      size.set({ storage_cluster_id: "etcd-0" }, await source.sizeBytes());
    },
  });
}
