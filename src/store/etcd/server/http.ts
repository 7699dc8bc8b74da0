/**
 * What etcd answers beside gRPC on the same port, to plain HTTP: health, version and metrics, which `etcdctl check
 * datascale` reads. upstream: etcdserver/api/etcdhttp/{health.go, version.go, metrics.go}
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EtcdContext } from "./context.ts";
import { apiVersion, clusterVersion } from "./maintenance.ts";

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const json = "application/json";
const plain = "text/plain; charset=utf-8";

export async function answerHttp(
  context: EtcdContext,
  { method = "GET", url = "/" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const page = await pageOf(context, method, new URL(url, "http://etcd").pathname);
  response.writeHead(page.status, { "content-type": page.type });
  response.end(page.body);
}

async function pageOf(context: EtcdContext, method: string, path: string): Promise<Page> {
  const make = pages[path];
  if (make === undefined) return { status: 404, type: plain, body: "404 page not found\n" };
  if (method !== "GET") return { status: 405, type: plain, body: "Method Not Allowed\n" };
  return make(context);
}

const pages: Readonly<Record<string, (context: EtcdContext) => Promise<Page>>> = {
  "/health": health,
  "/version": async () => ({
    status: 200,
    type: json,
    body: JSON.stringify({ etcdserver: apiVersion, etcdcluster: clusterVersion }),
  }),
  "/metrics": metrics,
};

async function health({ store }: EtcdContext): Promise<Page> {
  const alarms = await store.alarms();
  const reason = alarms.length === 0 ? "" : `ALARM ${alarms[0]}`;
  const isHealthy = alarms.length === 0;
  const body = JSON.stringify({ health: String(isHealthy), reason });
  return { status: isHealthy ? 200 : 503, type: json, body };
}

/** Under upstream's names, what can be told of one member without asking anybody. */
async function metrics({ store, limits }: EtcdContext): Promise<Page> {
  const size = await store.size();
  const { user, system } = process.cpuUsage();
  const gauges: readonly (readonly [name: string, kind: "gauge" | "counter", value: number | bigint])[] = [
    ["etcd_debugging_mvcc_compact_revision", "gauge", store.compactRevision],
    ["etcd_debugging_mvcc_current_revision", "gauge", store.revision],
    ["etcd_mvcc_db_total_size_in_bytes", "gauge", size],
    ["etcd_mvcc_db_total_size_in_use_in_bytes", "gauge", size],
    ["etcd_server_has_leader", "gauge", 1],
    ["etcd_server_is_leader", "gauge", 1],
    ["etcd_server_quota_backend_bytes", "gauge", limits.quotaBytes],
    ["process_cpu_seconds_total", "counter", (user + system) / 1e6],
    ["process_resident_memory_bytes", "gauge", process.memoryUsage.rss()],
  ];
  const lines = gauges.map(([name, kind, value]) => `# TYPE ${name} ${kind}\n${name} ${value}\n`);
  return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: lines.join("") };
}
