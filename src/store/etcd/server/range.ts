/** KV.Range. */
import type { Message } from "#wire/protobuf.ts";
import type { RangeAnswer, RangeQuery, SortTarget } from "../../kv.ts";
import type { rangeRequest } from "../messages.ts";
import { checkRange } from "./check.ts";
import { type EtcdContext, type Header, headerOf } from "./context.ts";
import type { RangeReply } from "./range-answer.ts";
import { rangeOf, unlessZero, type WireKeyValue, wireOf } from "./convert.ts";

type RangeRequest = Message<typeof rangeRequest>;

const orders = ["none", "ascend", "descend"] as const;
const targets: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];

export async function range(context: EtcdContext, request: RangeRequest): Promise<RangeReply> {
  checkRange(request);
  const answer = await context.store.range(queryOf(request));
  return { header: headerOf(context, answer.revision), answer };
}

/** Negative numbers mean "not given", as upstream's comparisons with 0 have it. */
export function queryOf(request: RangeRequest): RangeQuery {
  const { sortOrder, sortTarget } = request;
  return {
    range: rangeOf(request.key, request.rangeEnd),
    limit: request.limit > 0n ? Number(request.limit) : undefined,
    revision: request.revision > 0n ? request.revision : undefined,
    sort: { target: targets[sortTarget] ?? "key", order: orders[sortOrder] ?? "none" },
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    modRevisionMin: unlessZero(request.minModRevision),
    modRevisionMax: unlessZero(request.maxModRevision),
    createRevisionMin: unlessZero(request.minCreateRevision),
    createRevisionMax: unlessZero(request.maxCreateRevision),
  };
}

interface RangeResponse {
  readonly header: Partial<Header>;
  readonly kvs: readonly WireKeyValue[];
  readonly more: boolean;
  readonly count: bigint;
}

export function rangeResponseOf(answer: RangeAnswer, header: Partial<Header>): RangeResponse {
  const { entries, more, count } = answer;
  return { header, kvs: entries.map(wireOf), more, count: BigInt(count) };
}
