/**
 * How long the store takes, by operation and resource, under the names that upstream has for etcd. Lists and watches that
 * caches answer never come here. upstream: apiserver/pkg/storage/etcd3/metrics/metrics.go
 */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Labels, type Series } from "#apiserver/http/series-histogram.ts";
import type { Scheme } from "#api/scheme.ts";
import type { Clock } from "#base/clock.ts";
import {
  KeyExistsError,
  KeyNotFoundError,
  RevisionMismatchError,
  type Entry,
  type EventBatch,
  type GetResult,
  type ListOptions,
  type ListResult,
  type Revision,
  type Store,
  type WatchOptions,
} from "#store/store.ts";
import { alpha } from "./stability.ts";
import { countAtCollection, countsOf, SeriesCounter, type Count } from "./series-counter.ts";

const buckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const labelNames = ["operation", "group", "resource"];
const prefix = "/registry/";

interface Operation {
  readonly durations: Series;
  readonly errors: Count;
}

type OperationName = "get" | "list" | "count" | "create" | "update" | "delete";

export interface MeasuredStoreDeps {
  readonly clock: Clock;
  readonly registry: Registry;
  /** The group of a resource whose keys don't name it. */
  readonly groupOf: (resource: string) => string;
}

export class MeasuredStore implements Store {
  readonly #inner: Store;
  readonly #deps: MeasuredStoreDeps;
  readonly #durations: SeriesHistogram;
  readonly #errors: SeriesCounter;
  /** By operation, then by the key's first part, "pods" or "example.com/widgets". */
  readonly #operations = new Map<OperationName, Map<string, Operation>>();

  constructor(inner: Store, deps: MeasuredStoreDeps) {
    this.#inner = inner;
    this.#deps = deps;
    const { registry } = deps;
    this.#durations = new SeriesHistogram(
      {
        name: "etcd_request_duration_seconds",
        help: alpha("Etcd request latency in seconds for each operation and object type."),
        buckets,
      },
      registry,
    );
    const requests = {
      name: "etcd_requests_total",
      help: alpha("Etcd request counts for each operation and object type."),
      labelNames,
    };
    countAtCollection(requests, registry, () => countsOf(this.#durations.all));
    this.#errors = new SeriesCounter(
      {
        name: "etcd_request_errors_total",
        help: alpha("Etcd failed request counts for each operation and object type."),
        labelNames,
      },
      registry,
    );
  }

  get revision(): Revision {
    return this.#inner.revision;
  }

  get compactRevision(): Revision {
    return this.#inner.compactRevision;
  }

  get writeFault(): Error | undefined {
    return this.#inner.writeFault;
  }

  latest(): ReturnType<Store["latest"]> {
    return this.#inner.latest();
  }

  get(key: string, revision?: Revision): Promise<GetResult> {
    return this.#timed("get", key, this.#inner.get(key, revision));
  }

  list(prefixOfKeys: string, options?: ListOptions): Promise<ListResult> {
    return this.#timed("list", prefixOfKeys, this.#inner.list(prefixOfKeys, options));
  }

  count(prefixOfKeys: string): ReturnType<Store["count"]> {
    return this.#timed("count", prefixOfKeys, this.#inner.count(prefixOfKeys));
  }

  create(key: string, value: Buffer, author?: string): Promise<Entry> {
    return this.#timed("create", key, this.#inner.create(key, value, author));
  }

  update(key: string, value: Buffer, expected: Revision, author?: string): Promise<Entry> {
    return this.#timed("update", key, this.#inner.update(key, value, expected, author));
  }

  delete(key: string, expected?: Revision, author?: string): ReturnType<Store["delete"]> {
    return this.#timed("delete", key, this.#inner.delete(key, expected, author));
  }

  watch(prefixOfKeys: string, options: WatchOptions): AsyncIterable<EventBatch> {
    return this.#inner.watch(prefixOfKeys, options);
  }

  compact(revision: Revision): Promise<void> {
    return this.#inner.compact(revision);
  }

  size(): Promise<number> {
    return this.#inner.size();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #timed<T>(name: OperationName, key: string, answer: Promise<T>): Promise<T> {
    const began = this.#deps.clock.monotonic();
    const operation = this.#operation(name, key);
    try {
      return await answer;
    } catch (error) {
      if (!isAnswer(error)) operation.errors.add();
      throw error;
    } finally {
      operation.durations.observe((this.#deps.clock.monotonic() - began) / 1000);
    }
  }

  #operation(name: OperationName, key: string): Operation {
    let byPart = this.#operations.get(name);
    if (byPart === undefined) {
      byPart = new Map();
      this.#operations.set(name, byPart);
    }
    const part = partOf(key);
    let operation = byPart.get(part);
    if (operation === undefined) {
      const labels = { operation: name, ...this.#labelsOf(part) };
      operation = { durations: this.#durations.series(labels), errors: this.#errors.count(labels) };
      byPart.set(part, operation);
    }
    return operation;
  }

  #labelsOf(part: string): Labels {
    const slash = part.indexOf("/");
    return slash < 0
      ? { group: this.#deps.groupOf(part), resource: part }
      : { group: part.slice(0, slash), resource: part.slice(slash + 1) };
  }
}

/** "pods" of "/registry/pods/default/x". Groups have a dot, and what is stored of them comes after it. */
function partOf(key: string): string {
  const end = key.indexOf("/", prefix.length);
  const first = end < 0 ? key.slice(prefix.length) : key.slice(prefix.length, end);
  if (!first.includes(".")) return first;
  const second = key.indexOf("/", end + 1);
  return second < 0 ? key.slice(prefix.length) : key.slice(prefix.length, second);
}

/** The store did what it was asked. */
const isAnswer = (error: unknown): boolean =>
  error instanceof KeyExistsError ||
  error instanceof KeyNotFoundError ||
  error instanceof RevisionMismatchError;

/** By the last part of what keys begin with: of two groups that have a resource of one name, the first. */
export function groupsByResource(scheme: Scheme): (resource: string) => string {
  const groups = new Map<string, string>();
  for (const { group, resource } of scheme.all()) if (!groups.has(resource)) groups.set(resource, group);
  return (resource) => groups.get(resource) ?? "";
}
