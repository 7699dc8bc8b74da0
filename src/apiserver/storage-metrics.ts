/** How much there is, asked when the metrics are. upstream: apiserver/pkg/storage/etcd3/metrics/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { alpha, deprecated, stable } from "./metrics/stability.ts";

export interface StorageCount {
  readonly group: string;
  /** "pods", "deployments.apps" */
  readonly name: string;
  readonly count: number;
}

export interface StorageSource {
  counts(): Iterable<StorageCount>;
  sizeBytes(): Promise<number>;
}

export function registerStorageGauges(registry: Registry, source: StorageSource): void {
  const registers = [registry];
  const byResource: Gauge = new Gauge({
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
      byResource.reset();
      for (const { name, count } of source.counts()) byResource.set({ resource: name }, count);
    },
  });
  const byGroup: Gauge = new Gauge({
    name: "apiserver_resource_objects",
    help: alpha(
      "Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
    ),
    labelNames: ["group", "resource"],
    registers,
    collect: () => {
      byGroup.reset();
      for (const { group, name, count } of source.counts()) {
        byGroup.set({ group, resource: name.split(".", 1).join("") }, count);
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
