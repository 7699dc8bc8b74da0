/** From all entries of a range to what was asked of it. upstream: etcd server/etcdserver/txn/range.go */
import type { KeyValue, RangeAnswer, RangeQuery, SortTarget } from "./kv.ts";
import type { Revision } from "./store.ts";

/** Of a range that is answered in the order of its keys, only `limit` entries are needed, and a count. */
export function needsAll(query: RangeQuery): boolean {
  const { sort, modRevisionMin, modRevisionMax, createRevisionMin, createRevisionMax } = query;
  const bounds = [modRevisionMin, modRevisionMax, createRevisionMin, createRevisionMax];
  return (sort !== undefined && sort.order !== "none") || bounds.some((bound) => bound !== undefined);
}

export interface Found {
  readonly revision: Revision;
  /** The range's, by key; at least one more than the limit when there are more, all when needsAll. */
  readonly entries: readonly KeyValue[];
  /** Of the whole range. */
  readonly count: number;
}

export function answerRange(query: RangeQuery, { revision, entries, count }: Found): RangeAnswer {
  if (query.countOnly === true) return { kind: "range", revision, entries: [], more: false, count };
  const limit = query.limit ?? Number.POSITIVE_INFINITY;
  // One more than the limit, as upstream fetches: sorting without an order sorts no more than that.
  const fetched = needsAll(query) || entries.length <= limit ? entries : entries.slice(0, limit + 1);
  const sorted = sortEntries(query, fetched.filter(isWithin(query)));
  const more = sorted.length > limit;
  const chosen = more ? sorted.slice(0, limit) : sorted;
  const answer =
    query.keysOnly === true ? chosen.map((entry) => ({ ...entry, value: noValue, kept: undefined })) : chosen;
  return { kind: "range", revision, entries: answer, more, count };
}

const noValue = Buffer.alloc(0);

function isWithin(query: RangeQuery): (entry: KeyValue) => boolean {
  const { modRevisionMin, modRevisionMax, createRevisionMin, createRevisionMax } = query;
  return ({ modRevision, createRevision }) =>
    (modRevisionMin === undefined || modRevision >= modRevisionMin) &&
    (modRevisionMax === undefined || modRevision <= modRevisionMax) &&
    (createRevisionMin === undefined || createRevision >= createRevisionMin) &&
    (createRevisionMax === undefined || createRevision <= createRevisionMax);
}

const orders: Readonly<Record<SortTarget, (a: KeyValue, b: KeyValue) => number>> = {
  key: (a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)),
  version: (a, b) => Number(a.version - b.version),
  create: (a, b) => Number(a.createRevision - b.createRevision),
  mod: (a, b) => Number(a.modRevision - b.modRevision),
  value: (a, b) => a.value.compare(b.value),
};

function sortEntries({ sort }: RangeQuery, entries: readonly KeyValue[]): readonly KeyValue[] {
  if (sort === undefined || (sort.target === "key" && sort.order !== "descend")) return entries;
  const order = orders[sort.target];
  return entries.toSorted(sort.order === "descend" ? (a, b) => order(b, a) : order);
}
