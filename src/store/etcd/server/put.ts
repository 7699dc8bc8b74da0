/** KV.Put. */
import type { Message } from "#wire/protobuf.ts";
import type { PutAnswer, PutRequest } from "../../kv.ts";
import type { putRequest } from "../messages.ts";
import { checkPut } from "./check.ts";
import { checkSize, type EtcdContext, type Header, headerOf } from "./context.ts";
import { keyOf, type WireKeyValue, wireOf } from "./convert.ts";

type WirePutRequest = Message<typeof putRequest>;

export async function put(
  context: EtcdContext,
  request: WirePutRequest,
  bytes: number,
): Promise<PutResponse> {
  checkPut(request);
  checkSize(context, bytes);
  await context.space.check(bytes);
  const answer = await context.store.put(putOf(request));
  return putResponseOf(answer, headerOf(context, answer.revision));
}

export function putOf(request: WirePutRequest): PutRequest {
  return {
    key: keyOf(request.key),
    value: request.value,
    lease: request.lease,
    wantsPrevious: request.prevKv,
    keepsValue: request.ignoreValue,
    keepsLease: request.ignoreLease,
  };
}

interface PutResponse {
  readonly header: Partial<Header>;
  readonly prevKv: WireKeyValue | undefined;
}

export function putResponseOf({ previous }: PutAnswer, header: Partial<Header>): PutResponse {
  return { header, prevKv: previous === undefined ? undefined : wireOf(previous) };
}
