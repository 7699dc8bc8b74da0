/** What the server counts about its requests, under upstream's names. upstream: apiserver/pkg/endpoints/metrics/metrics.go */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RequestInfo } from "#apiserver/request/info.ts";

/** upstream: the buckets of request_duration_seconds */
const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

const readVerbs = new Set(["GET", "LIST", "WATCH"]);

export class RequestMetrics {
  readonly #total: Counter;
  readonly #duration: Histogram;
  readonly #inflight: Gauge;
  readonly #longRunning: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    const place = ["verb", "group", "version", "resource", "subresource", "scope", "component"];
    this.#total = new Counter({
      name: "apiserver_request_total",
      help: "Requests by verb, resource and code.",
      labelNames: [...place, "dry_run", "code"],
      registers,
    });
    this.#duration = new Histogram({
      name: "apiserver_request_duration_seconds",
      help: "Time from request to answer in seconds, without watches and connects.",
      labelNames: [...place, "dry_run"],
      buckets: durationBuckets,
      registers,
    });
    this.#inflight = new Gauge({
      name: "apiserver_current_inflight_requests",
      help: "Requests being answered now, by kind.",
      labelNames: ["request_kind"],
      registers,
    });
    this.#longRunning = new Gauge({
      name: "apiserver_longrunning_requests",
      help: "Watches and connections open now.",
      labelNames: place,
      registers,
    });
  }

  /** Call at the start; call what it returns with the code at the end. */
  begin(info: RequestInfo, query: URLSearchParams): (code: number, seconds: number) => void {
    const labels = labelsOf(info);
    const isLong = labels.verb === "WATCH" || labels.verb === "CONNECT";
    const kind = { request_kind: readVerbs.has(labels.verb) ? "readOnly" : "mutating" };
    if (isLong) this.#longRunning.inc(labels);
    else this.#inflight.inc(kind);
    const dryRun = query.get("dryRun") ?? "";
    return (code, seconds) => {
      if (isLong) this.#longRunning.dec(labels);
      else {
        this.#inflight.dec(kind);
        this.#duration.observe({ ...labels, dry_run: dryRun }, seconds);
      }
      this.#total.inc({ ...labels, dry_run: dryRun, code: String(code) });
    };
  }
}

const connecting = new Set(["exec", "attach", "portforward", "proxy", "log"]);

function labelsOf(info: RequestInfo): Record<string, string> & { readonly verb: string } {
  const { group, version, subresource, isResourceRequest } = info;
  const verb = connecting.has(subresource) ? "CONNECT" : metricVerb(info);
  const scope = !isResourceRequest
    ? ""
    : info.name !== ""
      ? "resource"
      : info.namespace === ""
        ? "cluster"
        : "namespace";
  return { verb, group, version, resource: info.resource, subresource, scope, component: "apiserver" };
}

function metricVerb({ verb }: RequestInfo): string {
  switch (verb) {
    case "create":
    case "post":
      return "POST";
    case "update":
    case "put":
      return "PUT";
    case "head":
    case "get":
    case "proxy":
    case "options":
      return "GET";
    case "list":
      return "LIST";
    case "watch":
      return "WATCH";
    case "patch":
      return "PATCH";
    case "delete":
      return "DELETE";
    case "deletecollection":
      return "DELETECOLLECTION";
    case "connect":
      return "CONNECT";
  }
}
