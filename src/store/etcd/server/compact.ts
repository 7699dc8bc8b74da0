/** KV.Compact. */
import type { Message } from "#wire/protobuf.ts";
import type { compactionRequest } from "../messages.ts";
import { type EtcdContext, type Header, headerOf } from "./context.ts";

export async function compact(
  context: EtcdContext,
  { revision, physical }: Message<typeof compactionRequest>,
): Promise<{ readonly header: Header }> {
  await context.store.compact(revision, { waitsForSpace: physical });
  return { header: headerOf(context) };
}
