/** KV.DeleteRange. */
import type { Message } from "#wire/protobuf.ts";
import type { DeleteAnswer, DeleteRequest } from "../../kv.ts";
import type { deleteRangeRequest } from "../messages.ts";
import { checkDelete } from "./check.ts";
import { checkSize, type EtcdContext, type Header, headerOf } from "./context.ts";
import { rangeOf, type WireKeyValue, wireOf } from "./convert.ts";

type DeleteRangeRequest = Message<typeof deleteRangeRequest>;

export async function deleteRange(
  context: EtcdContext,
  request: DeleteRangeRequest,
  bytes: number,
): Promise<DeleteRangeResponse> {
  checkDelete(request);
  checkSize(context, bytes);
  const answer = await context.store.delete(deletionOf(request));
  return deleteRangeResponseOf(answer, headerOf(context, answer.revision));
}

export function deletionOf(request: DeleteRangeRequest): DeleteRequest {
  return { range: rangeOf(request.key, request.rangeEnd), wantsPrevious: request.prevKv };
}

interface DeleteRangeResponse {
  readonly header: Partial<Header>;
  readonly deleted: bigint;
  readonly prevKvs: readonly WireKeyValue[];
}

export function deleteRangeResponseOf(
  { deleted, previous }: DeleteAnswer,
  header: Partial<Header>,
): DeleteRangeResponse {
  return { header, deleted: BigInt(deleted), prevKvs: previous.map(wireOf) };
}
