/** LIST over the cache and, for the past, over the store. upstream: apiserver/pkg/storage/cacher/delegator.go, etcd3/store.go */
import { badRequestError, expiredError, StatusError } from "#api/meta/status.ts";
import { parseListVersion, type ListOptions } from "#apiserver/request/query.ts";
import type { Clock } from "#base/clock.ts";
import { CompactedError, FutureRevisionError, type Entry, type Store } from "#store/store.ts";
import type { CacheFeed } from "./cache-feed.ts";
import type { CacheCounts } from "./cache-counts.ts";
import { decodeContinue, encodeContinue, type Continuation } from "./continue-token.ts";
import type { Page, Position, ResourceCache } from "./resource-cache.ts";
import type { Selection } from "./selection.ts";
import { idOfKey, keptOf, keyOfId } from "./store-keys.ts";
import type { StoredObject } from "./stored-object.ts";
import { faultOf, walkedError } from "./unreadable.ts";

export interface ReadDeps {
  readonly feed: CacheFeed;
  readonly store: Store;
  readonly clock: Clock;
}

export interface ListPage {
  readonly items: readonly StoredObject[];
  readonly revision: bigint;
  readonly continue: string;
  readonly remaining: number | undefined;
}

export interface ListQuery {
  readonly namespace: string;
  readonly selection: Selection;
  readonly options: ListOptions;
  /** Asked for its signal only when something must be waited for. */
  readonly waiter: { readonly signal: AbortSignal };
}

/** Which state a list asks for. */
type Wanted =
  | { readonly kind: "any" }
  | { readonly kind: "fresh" }
  | { readonly kind: "notOlderThan"; readonly revision: bigint }
  | { readonly kind: "exact"; readonly revision: bigint };

export async function list(cache: ResourceCache, query: ListQuery, deps: ReadDeps): Promise<ListPage> {
  const { options } = query;
  const continuation =
    options.continue === "" ? undefined : decodeContinue(options.continue, cache.namespaced);
  if (continuation !== undefined && options.resourceVersion !== "" && options.resourceVersion !== "0") {
    throw badRequestError("specifying resource version is not allowed when using continue");
  }
  const wanted = wantedState(options, continuation);
  const revision = await reach(wanted, { cache, query, feed: deps.feed });
  const isWhole = wanted.kind !== "exact" && continuation === undefined;
  if (isWhole) assertTellable(cache, query, deps.clock);
  const from = continuation?.start;
  const isOfPast = wanted.kind === "exact" && cache.lastChange > revision;
  const page = isOfPast
    ? await pageOfPast(cache, query, { store: deps.store, revision, from })
    : amongUnreadable(await pageOfNow(cache, query, from), cache, query, from);
  const { storageLists, cacheLists } = cache.counts;
  (isOfPast ? storageLists : cacheLists).add(page.read, page.items.length);
  const last = page.items.at(-1);
  const isUnselected = query.selection.matches === undefined;
  return {
    items: page.items,
    revision,
    continue: page.more && last !== undefined ? encodeContinue(last, revision) : "",
    remaining: page.more && isUnselected ? page.remaining : undefined,
  };
}

function wantedState(options: ListOptions, continuation: Continuation | undefined): Wanted {
  if (continuation !== undefined) {
    return continuation.revision === undefined
      ? { kind: "fresh" }
      : { kind: "exact", revision: continuation.revision };
  }
  const { resourceVersion, resourceVersionMatch, limit } = options;
  if (resourceVersion === "") return { kind: "fresh" };
  const revision = parseListVersion(resourceVersion);
  if (revision === 0n) return { kind: "any" };
  const isExact = resourceVersionMatch === "Exact" || (resourceVersionMatch === "" && limit > 0);
  return { kind: isExact ? "exact" : "notOlderThan", revision };
}

interface Reaching {
  readonly cache: ResourceCache;
  readonly query: ListQuery;
  readonly feed: CacheFeed;
}

/** Waits for the wanted state; answers the revision that the list will carry. */
async function reach(wanted: Wanted, { cache, query, feed }: Reaching): Promise<bigint> {
  const { waiter } = query;
  const { counts } = cache;
  switch (wanted.kind) {
    case "any":
      return feed.revision;
    case "fresh":
      await consistent(feed.fresh(waiter), counts, feed);
      return feed.revision;
    case "notOlderThan":
      await feed.timed(feed.reach(wanted.revision, waiter.signal), counts);
      return feed.revision;
    case "exact":
      await feed.timed(feed.reach(wanted.revision, waiter.signal), counts);
      return wanted.revision;
  }
}

async function consistent(
  waiting: Promise<void> | undefined,
  counts: CacheCounts,
  feed: CacheFeed,
): Promise<void> {
  const { consistentReads } = counts;
  try {
    await feed.timed(waiting, counts);
    consistentReads.succeeded += 1;
  } catch (error) {
    consistentReads.failed += 1;
    throw error;
  }
}

/** Of this moment, even if what is there has to be converted first, to be selected. */
function pageOfNow(
  cache: ResourceCache,
  { namespace, selection, options }: ListQuery,
  from?: Position,
): Page | Promise<Page> {
  const { name, matches, prepare } = selection;
  const { limit } = options;
  if (name !== undefined && (namespace !== "" || !cache.namespaced)) {
    const one = from === undefined ? cache.get(namespace, name) : undefined;
    return pageOf(one === undefined ? [] : [one], selection, limit);
  }
  if (prepare !== undefined) return pageOf([...cache.objects(namespace, from)], selection, limit);
  return cache.page(namespace, matches, limit, from);
}

/** Throws 429 for a state that isn't known; part by part it is told as far as it can be read. */
function assertTellable(cache: ResourceCache, { options, selection }: ListQuery, clock: Clock): void {
  if (options.limit > 0 && selection.matches === undefined) return;
  cache.unreadable.assertNone(clock.monotonic());
}

/** With what can't be read behind it; throws 500 when that lies within it. */
function amongUnreadable(
  page: Page,
  cache: ResourceCache,
  { namespace, selection: { name }, options: { limit } }: ListQuery,
  from: Position | undefined,
): Page {
  if (cache.unreadable.isEmpty) return page;
  const isOne = name !== undefined && (namespace !== "" || !cache.namespaced);
  const prefix = namespace === "" ? cache.prefix : `${cache.prefix}${namespace}/`;
  const start = startOf(cache, namespace, from) ?? prefix;
  const last = limit > 0 && page.items.length === limit ? page.items.at(-1) : undefined;
  const end = last === undefined ? undefined : keyOfId(cache, last);
  const walked = cache.unreadable.objects.filter(({ key }) =>
    isOne ? key === keyOfId(cache, { namespace, name }) : key.startsWith(prefix) && key >= start,
  );
  const within = walked.filter(({ key }) => end === undefined || key < end);
  const [first] = within.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  if (first !== undefined) throw walkedError(first);
  return { ...page, more: page.more || walked.length > 0, remaining: page.remaining + walked.length };
}

/** Those of them that match; 0 means all. */
async function pageOf(
  objects: readonly StoredObject[],
  { matches, prepare }: Selection,
  limit: number,
): Promise<Page> {
  await prepare?.(objects);
  const items = matches === undefined ? objects : objects.filter((object) => matches(object));
  const more = limit > 0 && items.length > limit;
  return { items: more ? items.slice(0, limit) : items, more, read: objects.length, remaining: 0 };
}

/** Entries read at once when a selector may drop most of them. */
const chunkMax = 1000;

async function pageOfPast(
  cache: ResourceCache,
  { namespace, selection, options }: ListQuery,
  at: { readonly store: Store; readonly revision: bigint; readonly from: Position | undefined },
): Promise<Page> {
  if (selection.name !== undefined && (namespace !== "" || !cache.namespaced)) {
    return oneOfPast(cache, { namespace, selection, name: selection.name }, { ...at, options });
  }
  const prefix = namespace === "" ? cache.prefix : `${cache.prefix}${namespace}/`;
  const items: StoredObject[] = [];
  const { limit } = options;
  let read = 0;
  let startKey = startOf(cache, namespace, at.from) ?? prefix;
  for (;;) {
    const want = limit === 0 ? chunkMax : Math.min(chunkMax, limit - items.length);
    const part = await past(at.store, prefix, { revision: at.revision, startKey, limit: want }, options);
    const stored = part.entries.map((entry) => ofPast(cache, entry));
    items.push(...(await pageOf(stored, selection, 0)).items);
    read += part.entries.length;
    const last = part.entries.at(-1);
    if (!part.more || last === undefined) return { items, more: false, read, remaining: 0 };
    if (limit > 0 && items.length >= limit) {
      return { items, more: true, read, remaining: part.count - part.entries.length };
    }
    startKey = `${last.key}\0`;
  }
}

/** Within a namespace only the name counts: the token may be another list's. */
function startOf(cache: ResourceCache, namespace: string, from: Position | undefined): string | undefined {
  if (from === undefined) return undefined;
  return keyOfId(cache, namespace === "" ? from : { namespace, name: from.name });
}

async function oneOfPast(
  cache: ResourceCache,
  { namespace, selection, name }: Pick<ListQuery, "namespace" | "selection"> & { readonly name: string },
  at: { readonly store: Store; readonly revision: bigint; readonly options: ListOptions },
): Promise<Page> {
  const id = { namespace, name };
  const { entry } = await unlessCompacted(at.store.get(keyOfId(cache, id), at.revision), at.options);
  const stored = entry === undefined ? undefined : ofPast(cache, entry);
  return pageOf(stored === undefined ? [] : [stored], selection, 0);
}

function ofPast(cache: ResourceCache, entry: Entry): StoredObject {
  const fault = faultOf(entry);
  if (fault !== undefined) throw walkedError({ key: entry.key, fault });
  return cache.passing(idOfKey(cache, entry.key), keptOf(entry), entry.modRevision);
}

function past(
  store: Store,
  prefix: string,
  query: { readonly revision: bigint; readonly startKey: string; readonly limit: number },
  options: ListOptions,
): ReturnType<Store["list"]> {
  return unlessCompacted(store.list(prefix, query), options);
}

async function unlessCompacted<T>(reading: Promise<T>, options: ListOptions): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof CompactedError || error instanceof FutureRevisionError)) throw error;
    if (options.continue === "") {
      throw expiredError("The resourceVersion for the provided list is too old.");
    }
    throw expiredContinue(options.continue);
  }
}

/** 410 with a token that goes on from the same place in what is there now. */
function expiredContinue(token: string): Error {
  const text = Buffer.from(token, "base64url").toString("utf8");
  const renewed = Buffer.from(text.replace(/"rv":\d+/, '"rv":-1'), "utf8").toString("base64url");
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: { continue: renewed },
    status: "Failure",
    message:
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    reason: "Expired",
    code: 410,
  });
}
