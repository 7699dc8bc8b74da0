/** Answers that go on for as long as the client likes: another server's watch, a log that is followed, what a page listens to. */
import { Readable } from "node:stream";
import type { Answer } from "#apiserver/request/call.ts";

/** As far as its kind tells. */
export const isEventStream = (answer: Answer): boolean =>
  answer.kind === "raw" && String(answer.headers["content-type"] ?? "").startsWith("text/event-stream");

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** A body that comes from elsewhere, which ends well when the signal aborts. */
export const until = (body: Chunks, over: AbortSignal | undefined): Chunks =>
  over === undefined ? body : ending(body, over);

async function* ending(body: Chunks, over: AbortSignal): AsyncGenerator<Uint8Array> {
  const source = body instanceof Readable ? body : Readable.from(body);
  const end = (): void => {
    source.destroy();
  };
  if (over.aborted) end();
  over.addEventListener("abort", end, { once: true });
  try {
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    if (!over.aborted) throw error;
  } finally {
    over.removeEventListener("abort", end);
  }
}
