/** What the server counts about its requests, under upstream's names. upstream: apiserver/pkg/endpoints/metrics/metrics.go */
import { Counter, Gauge, type Registry } from "prom-client";
import type { GroupVersionResource } from "#api/meta/object.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { alpha, stable } from "#apiserver/metrics/stability.ts";
import { SeriesCounter } from "#apiserver/metrics/series-counter.ts";
import { RequestEndings } from "./request-endings.ts";
import { dryRunOf, labelsOf, metricVerb, scopeOf, validationOf, type KindLabels } from "./request-labels.ts";
import { SeriesHistogram, type Series } from "./series-histogram.ts";

/** upstream: the buckets of request_duration_seconds */
const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

/** upstream: the same without the shortest */
const sliBuckets = durationBuckets.slice(durationBuckets.indexOf(0.05));

/** upstream: exponential, from 1 kB to 1 GB */
const sizeBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** upstream: exponential, from 1 KiB to 128 KiB */
const eventBuckets = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

const placeLabels = ["verb", "group", "version", "resource", "subresource", "scope", "component"];

/** Upstream tells how big these answers are: of what is read, and a log is, though it is counted as a connect. */
const isSized = ({ verb, subresource }: KindLabels): boolean =>
  verb === "GET" || verb === "LIST" || subresource === "log";

/** The code of a request whose connection was taken over: upstream's handlers answer none. */
export const takenOver = 0;

/** How a request went. */
export interface Finished {
  readonly code: number;
  readonly ms: number;
  /** Of these, so long it waited for a seat and for webhooks. */
  readonly heldMs: number;
  readonly bodyBytes: number;
  /** Of the request's own body, where one was read. */
  readonly readBytes?: number | undefined;
}

/** What is left to know of a request when it is over. */
type Over = Pick<Finished, "code" | "ms" | "bodyBytes">;

export interface CountedCall extends Pick<Finished, "heldMs"> {
  readonly isHandled: boolean;
  /** There was no seat for it. */
  readonly isRefused: boolean;
  /** The server that it was for couldn't be asked. */
  readonly isUndelivered: boolean;
  readonly readBytes: number | undefined;
}

/** Requests that differ in nothing but whether they are dry runs. */
interface Place {
  readonly sli: Series;
  readonly sizes: Series | undefined;
  readonly bodies: Series | undefined;
}

/**
 * All requests of one kind. Whoever handles one counts it as open, and finishes it: upstream doesn't count what is refused
 * before, or what somebody else answers.
 */
export class RequestKind {
  readonly labels: KindLabels;
  readonly dryRun: string;
  readonly isLong: boolean;
  readonly byCode = new Map<number, number>();
  open = 0;
  readonly #scope: string;
  readonly #validation: string;
  readonly #metrics: RequestMetrics;
  #validated: Series | undefined;
  #durations: Series | undefined;
  #place: Place | undefined;
  #applied: RequestKind | undefined;

  constructor({ labels, scope, dryRun, validation }: KindParts, metrics: RequestMetrics) {
    this.labels = labels;
    this.#scope = scope;
    this.dryRun = dryRun;
    this.#validation = validation;
    this.isLong = labels.verb === "WATCH" || labels.verb === "CONNECT";
    this.#metrics = metrics;
  }

  /** The same, where the patch is one that is applied. */
  get applied(): RequestKind {
    const labels = { ...this.labels, verb: "APPLY" };
    const [scope, dryRun, validation] = [this.#scope, this.dryRun, this.#validation];
    this.#applied ??= this.#metrics.kind({ labels, scope, dryRun, validation });
    return this.#applied;
  }

  /** Of those that are open. */
  get openLabels(): KindLabels {
    return { ...this.labels, scope: this.#scope };
  }

  finish({ code, ms, heldMs, bodyBytes, readBytes }: Finished): void {
    this.open -= 1;
    this.answered(code);
    this.#durations ??= this.#metrics.durationsOf(this.labels, this.dryRun);
    this.#validated ??= this.#metrics.validated(this.#validation);
    this.#place ??= this.#metrics.place(this.labels);
    this.#durations.observe(ms / 1000);
    this.#validated.observe(ms / 1000);
    this.#place.sli.observe((ms - heldMs) / 1000);
    this.#place.sizes?.observe(bodyBytes);
    if (readBytes !== undefined) this.#place.bodies?.observe(readBytes);
  }

  /** Counts its answer, and no more: one that got no seat came to no handler. upstream: RecordDroppedRequest */
  answered(code: number): void {
    this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1);
  }
}

interface KindParts {
  readonly labels: KindLabels;
  /** While it is open; where a name is selected it isn't that of its labels. */
  readonly scope: string;
  readonly dryRun: string;
  /** What becomes of fields that nobody knows: "", "Ignore", "Warn", "Strict"; "invalid" for what is none of these. */
  readonly validation: string;
}

/** Which release a resource goes with; "" when that isn't settled, undefined when it stays. */
type RemovedRelease = (resource: GroupVersionResource) => string | undefined;

export class RequestMetrics {
  readonly #durations: SeriesHistogram;
  readonly #validations: SeriesHistogram;
  readonly endings: RequestEndings;
  readonly #bodies: SeriesHistogram;
  readonly #watchLists: SeriesHistogram;
  readonly #selfRequests: SeriesCounter;
  readonly #kinds = new Map<string, RequestKind>();
  readonly #places = new Map<string, Place>();
  readonly #durationSeries = new Map<string, Series>();
  readonly #validationSeries = new Map<string, Series>();
  readonly #sli: SeriesHistogram;
  readonly #sizes: SeriesHistogram;
  readonly #watchEvents: SeriesHistogram;
  readonly #handshakeErrors: Counter;
  readonly #watchSeries = new Map<string, Series>();
  readonly #bodySeries = new Map<string, Series>();
  readonly #watchListSeries = new Map<string, Series>();

  constructor(registry: Registry, removedRelease: RemovedRelease) {
    const registers = [registry];
    const total: Counter = new Counter({
      name: "apiserver_request_total",
      help: stable(
        "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
      ),
      labelNames: [...placeLabels, "dry_run", "code"],
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
    const histogram = (name: string, help: string, buckets: readonly number[]): SeriesHistogram =>
      new SeriesHistogram({ name: `apiserver_${name}`, help, buckets }, registry);
    this.#validations = validationHistogram(registry);
    this.#durations = histogram(
      "request_duration_seconds",
      stable(
        "Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
      ),
      durationBuckets,
    );
    this.#sli = histogram(
      "request_sli_duration_seconds",
      alpha(
        "Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.",
      ),
      sliBuckets,
    );
    this.#sizes = histogram(
      "response_sizes",
      stable(
        "Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.",
      ),
      sizeBuckets,
    );
    this.#watchEvents = new SeriesHistogram(
      {
        name: "apiserver_watch_events_sizes",
        help: alpha("Watch event size distribution in bytes"),
        buckets: eventBuckets,
      },
      registry,
    );
    this.#handshakeErrors = new Counter({
      name: "apiserver_tls_handshake_errors_total",
      help: alpha("Number of requests dropped with 'TLS handshake error from' error"),
      registers,
    });
    this.endings = new RequestEndings(registry);
    this.#bodies = bodyHistogram(registry);
    this.#watchLists = watchListHistogram(registry);
    this.#selfRequests = selfRequestCounter(registry);
    this.#registerOpen(registers);
    this.#registerDeprecated(registers, removedRelease);
  }

  handshakeFailed(): void {
    this.#handshakeErrors.inc();
  }

  #registerOpen(registers: Registry[]): void {
    const events: Counter = new Counter({
      name: "apiserver_watch_events_total",
      help: alpha("Number of events sent in watch clients"),
      labelNames: ["group", "version", "resource"],
      registers,
      collect: () => {
        events.reset();
        for (const { labels, count } of this.#watchEvents.all) events.inc(labels, count);
      },
    });
    const longRunning: Gauge = new Gauge({
      name: "apiserver_longrunning_requests",
      help: stable(
        "Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.",
      ),
      labelNames: placeLabels,
      registers,
      collect: () => {
        longRunning.reset();
        for (const { isLong, openLabels, open } of this.#kinds.values()) {
          if (isLong) longRunning.inc(openLabels, open);
        }
      },
    });
  }

  #registerDeprecated(registers: Registry[], removedRelease: RemovedRelease): void {
    const gauge: Gauge = new Gauge({
      name: "apiserver_requested_deprecated_apis",
      help: stable(
        "Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.",
      ),
      labelNames: ["group", "version", "resource", "subresource", "removed_release"],
      registers,
      collect: () => {
        gauge.reset();
        for (const { labels, byCode } of this.#kinds.values()) {
          const { group, version, resource, subresource } = labels;
          const isAsked = byCode.size > 0 && resource !== "" && subresource === "";
          const release = isAsked ? removedRelease({ group, version, resource }) : undefined;
          if (release === undefined) continue;
          gauge.set({ group, version, resource, subresource, removed_release: release }, 1);
        }
      },
    });
  }

  /** A request is over, wherever it had come to. `call`: undefined when nobody has found out who had sent it. */
  over(kind: RequestKind, call: CountedCall | undefined, over: Over): void {
    const { code } = over;
    if (call?.isRefused === true) {
      kind.answered(code);
      this.endings.terminated(kind.labels, code);
    }
    // upstream: kube-aggregator/pkg/apiserver/handler_proxy.go proxyError
    if (call?.isUndelivered === true) {
      this.endings.terminated({ ...kind.labels, component: "aggregator" }, code);
    }
    if (call?.isHandled !== true) return;
    kind.finish({ ...over, heldMs: call.heldMs, readBytes: call.readBytes });
  }

  /** The server asked itself. */
  selfRequest(info: RequestInfo): void {
    const { group, resource, subresource } = info;
    this.#selfRequests.count({ verb: metricVerb(info), group, resource, subresource }).add();
  }

  /** What lists that come as watches are observed in, by how long they took. */
  watchLists(info: RequestInfo): Series {
    const { group, version, resource } = info;
    const scope = scopeOf(info);
    const key = `${group}/${version}/${resource}/${scope}`;
    let series = this.#watchListSeries.get(key);
    if (series === undefined) {
      series = this.#watchLists.series({ group, version, resource, scope });
      this.#watchListSeries.set(key, series);
    }
    return series;
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
    const [labels, dryRun] = [labelsOf(info, isKnown), dryRunOf(query)];
    const scope = isKnown ? scopeOf(info) : "";
    return this.kind({ labels, scope, dryRun, validation: validationOf(query) });
  }

  kind(parts: KindParts): RequestKind {
    const { labels, scope, dryRun, validation } = parts;
    const key = [...Object.values(labels), scope, dryRun, validation].join("\n");
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = new RequestKind(parts, this);
      this.#kinds.set(key, kind);
    }
    return kind;
  }

  #bodiesOf({ group, resource, verb: ofRequest, scope }: KindLabels): Series | undefined {
    const isOfMany = ofRequest === "DELETE" && scope !== "resource";
    const verb = isOfMany ? "delete_collection" : bodyVerbs[ofRequest];
    if (verb === undefined || resource === "") return undefined;
    const key = `${group}/${resource}/${verb}`;
    const series = this.#bodySeries.get(key) ?? this.#bodies.series({ group, resource, verb });
    this.#bodySeries.set(key, series);
    return series;
  }

  durationsOf(labels: KindLabels, dryRun: string): Series {
    const key = [...Object.values(labels), dryRun].join("\n");
    const series = this.#durationSeries.get(key) ?? this.#durations.series({ ...labels, dry_run: dryRun });
    this.#durationSeries.set(key, series);
    return series;
  }

  validated(validation: string): Series {
    const known = this.#validationSeries.get(validation);
    const series = known ?? this.#validations.series({ field_validation: validation });
    this.#validationSeries.set(validation, series);
    return series;
  }

  place(labels: KindLabels): Place {
    const key = Object.values(labels).join("\n");
    let place = this.#places.get(key);
    if (place === undefined) {
      const sizes = isSized(labels) ? this.#sizes.series(labels) : undefined;
      place = { sli: this.#sli.series(labels), sizes, bodies: this.#bodiesOf(labels) };
      this.#places.set(key, place);
    }
    return place;
  }
}

/** upstream: linear, from 50 kB */
const bodyBuckets = Array.from({ length: 31 }, (_, at) => 50_000 + at * 100_000);

const watchListBuckets = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60];

const bodyHistogram = (registry: Registry): SeriesHistogram =>
  new SeriesHistogram(
    {
      name: "apiserver_request_body_size_bytes",
      help: alpha("Apiserver request body size in bytes broken out by resource and verb."),
      buckets: bodyBuckets,
    },
    registry,
  );

const watchListHistogram = (registry: Registry): SeriesHistogram =>
  new SeriesHistogram(
    {
      name: "apiserver_watch_list_duration_seconds",
      help: alpha(
        "Response latency distribution in seconds for watch list requests broken by group, version, resource and scope.",
      ),
      buckets: watchListBuckets,
    },
    registry,
  );

const selfRequestCounter = (registry: Registry): SeriesCounter =>
  new SeriesCounter(
    {
      name: "apiserver_selfrequest_total",
      help: alpha(
        "Counter of apiserver self-requests broken out for each verb, API resource and subresource.",
      ),
      labelNames: ["verb", "group", "resource", "subresource"],
    },
    registry,
  );

/** upstream: RequestBodyVerb */
const bodyVerbs: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  APPLY: "patch",
  DELETE: "delete",
};

const validationHistogram = (registry: Registry): SeriesHistogram =>
  new SeriesHistogram(
    {
      name: "field_validation_request_duration_seconds",
      help: alpha("Response latency distribution in seconds for each field validation value"),
      buckets: sliBuckets,
    },
    registry,
  );
