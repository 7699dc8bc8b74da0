/** What the server counts about its requests, under upstream's names. upstream: apiserver/pkg/endpoints/metrics/metrics.go */
import { Counter, Gauge, type Registry } from "prom-client";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { SeriesHistogram, type Labels, type Series } from "./series-histogram.ts";

/** upstream: the buckets of request_duration_seconds */
const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

/** upstream: exponential, from 1 KiB to 128 KiB */
const eventBuckets = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

const readVerbs = new Set(["GET", "LIST", "WATCH"]);

/** All requests of one kind. Whoever begins one counts it as open, and finishes it. */
export class RequestKind {
  readonly labels: Labels;
  readonly dryRun: string;
  readonly isLong: boolean;
  readonly isRead: boolean;
  readonly byCode = new Map<number, number>();
  open = 0;
  readonly #durations: Series;

  constructor(labels: Labels & { readonly verb: string }, dryRun: string, durations: Series) {
    this.labels = labels;
    this.dryRun = dryRun;
    this.isLong = labels.verb === "WATCH" || labels.verb === "CONNECT";
    this.isRead = readVerbs.has(labels.verb);
    this.#durations = durations;
  }

  finish(code: number, seconds: number): void {
    this.open -= 1;
    if (!this.isLong) this.#durations.observe(seconds);
    this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1);
  }
}

export class RequestMetrics {
  readonly #kinds = new Map<string, RequestKind>();
  readonly #durations: SeriesHistogram;
  readonly #watchEvents: SeriesHistogram;
  readonly #watchSeries = new Map<string, Series>();

  constructor(registry: Registry) {
    const registers = [registry];
    const place = ["verb", "group", "version", "resource", "subresource", "scope", "component"];
    const total: Counter = new Counter({
      name: "apiserver_request_total",
      help: "Requests by verb, resource and code.",
      labelNames: [...place, "dry_run", "code"],
      registers,
      collect: () => {
        total.reset();
        for (const { labels, dryRun, byCode } of this.#kinds.values()) {
          for (const [code, count] of byCode) {
            total.inc({ ...labels, dry_run: dryRun, code: String(code) }, count);
          }
        }
      },
    });
    this.#durations = new SeriesHistogram(
      {
        name: "apiserver_request_duration_seconds",
        help: "Time from request to answer in seconds, without watches and connects.",
        buckets: durationBuckets,
      },
      registry,
    );
    this.#watchEvents = new SeriesHistogram(
      {
        name: "apiserver_watch_events_sizes",
        help: "Bytes of an event sent to a watch.",
        buckets: eventBuckets,
      },
      registry,
    );
    const events: Counter = new Counter({
      name: "apiserver_watch_events_total",
      help: "Events sent to watches.",
      labelNames: ["group", "version", "resource"],
      registers,
      collect: () => {
        events.reset();
        for (const { labels, count } of this.#watchEvents.all) events.inc(labels, count);
      },
    });
    const inflight: Gauge = new Gauge({
      name: "apiserver_current_inflight_requests",
      help: "Requests being answered now, by kind.",
      labelNames: ["request_kind"],
      registers,
      collect: () => {
        inflight.set({ request_kind: "readOnly" }, 0);
        inflight.set({ request_kind: "mutating" }, 0);
        for (const { isLong, isRead, open } of this.#kinds.values()) {
          if (!isLong) inflight.inc({ request_kind: isRead ? "readOnly" : "mutating" }, open);
        }
      },
    });
    const longRunning: Gauge = new Gauge({
      name: "apiserver_longrunning_requests",
      help: "Watches and connections open now.",
      labelNames: place,
      registers,
      collect: () => {
        longRunning.reset();
        for (const { isLong, labels, open } of this.#kinds.values()) {
          if (isLong) longRunning.inc(labels, open);
        }
      },
    });
  }

  /** What the events of a watch are observed in, by their sizes. */
  watchEvents({ group, version, resource }: RequestInfo): Series {
    const key = `${group}/${version}/${resource}`;
    let series = this.#watchSeries.get(key);
    if (series === undefined) {
      series = this.#watchEvents.series({ group, version, resource });
      this.#watchSeries.set(key, series);
    }
    return series;
  }

  /** `isKnown`: there is such a resource. What clients make up has no series of its own, or there would be no end of them. */
  kindOf(info: RequestInfo, query: URLSearchParams, isKnown: boolean): RequestKind {
    const dryRun = dryRunOf(query);
    const labels = labelsOf(info, isKnown);
    const key = [...Object.values(labels), dryRun].join("\n");
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = new RequestKind(labels, dryRun, this.#durations.series({ ...labels, dry_run: dryRun }));
      this.#kinds.set(key, kind);
    }
    return kind;
  }
}

/** upstream: endpoints/metrics/metrics.go cleanDryRun */
function dryRunOf(query: URLSearchParams): string {
  const values = query.getAll("dryRun");
  if (values.length === 0) return "";
  return values.every((value) => value === "All") ? "All" : "invalid";
}

const connecting = new Set(["exec", "attach", "portforward", "proxy", "log"]);

function labelsOf(info: RequestInfo, isKnown: boolean): Labels & { readonly verb: string } {
  const { group, version, resource, subresource } = info;
  const verb = connecting.has(subresource) ? "CONNECT" : metricVerb(info);
  const place = isKnown
    ? { group, version, resource, subresource }
    : { group: "", version: "", resource: "", subresource: "" };
  return { verb, ...place, scope: isKnown ? scopeOf(info) : "", component: "apiserver" };
}

function scopeOf({ isResourceRequest, name, namespace }: RequestInfo): string {
  if (!isResourceRequest) return "";
  if (name !== "") return "resource";
  return namespace === "" ? "cluster" : "namespace";
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
    default:
      // Over HTTP/2 a method is any word.
      return "OTHER";
  }
}
