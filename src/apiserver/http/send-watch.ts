/** Watches onto the wire: event by event, each encoded when it is its turn. upstream: apiserver/pkg/endpoints/handlers/watch.go */
import { inKeyOrder } from "#api/codec/go-json.ts";
import { apiVersionOf, type AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import { SubscriptionOverflowError } from "#base/subscription.ts";
import type { WatchAnswer } from "#apiserver/request/call.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { acceptWatch, asksForMessages } from "./messages.ts";
import { addWarnings, caching, type Response } from "./send.ts";
import type { Shape } from "./shape.ts";
import { BodyWriter, writeEach } from "./writer.ts";

export async function sendWatch(answer: WatchAnswer, response: Response, clock: Clock): Promise<void> {
  const { items, endpoint } = answer;
  const { exchange, shape, events, listed } = response;
  exchange.onClose(() => {
    items.cancel();
  });
  if (asksForMessages(exchange)) {
    if (!acceptWatch(exchange, shape.isText)) {
      items.cancel();
      return;
    }
  } else {
    addWarnings(response);
    exchange.begin(200, ["content-type", shape.contentType(true), ...caching]);
  }
  const writer = new BodyWriter(exchange, clock);
  const encoder = new EventEncoder(answer, shape);
  try {
    for (let next = await items.next(); next.done !== true; next = await items.next()) {
      // All that has come meanwhile goes out in as few writes as its size allows.
      const all = items.size === 0 ? [next.value] : [next.value, ...items.drain()];
      if (endpoint.isCustom) {
        await endpoint.prepare(all.flatMap((item) => (item.type === "BOOKMARK" ? [] : [item.object])));
      }
      for (const batch of batches(all, encoder)) {
        if (events !== undefined) for (const { length } of batch) events.observe(length);
        const waiting = writeEvents(batch, response, writer);
        if (waiting !== undefined) await waiting;
      }
      if (all.some((item) => item.type === "BOOKMARK" && item.endsInitialEvents)) listed?.();
    }
  } catch (error) {
    items.cancel();
    const last = lastEvent(error, shape);
    if (last === undefined) throw error;
    if (last.length > 0) await writeEvents([last], response, writer);
  }
  writer.end();
}

/** What is written at once to a client who may not read it: all that is written lies in memory, a second time and sealed. */
const pieceBytesMax = 128 * 1024;

/** Encoded when it is their turn: of a long state, only what is being written is in memory. */
function* batches(items: readonly WatchItem[], encoder: EventEncoder): Generator<Buffer[], undefined> {
  let batch: Buffer[] = [];
  let bytes = 0;
  for (const item of items) {
    const event = encoder.encode(item);
    batch.push(event);
    bytes += event.length;
    if (bytes < pieceBytesMax) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Waits for the client after each piece. */
async function writePieces(bytes: Buffer, writer: BodyWriter): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytesMax) {
    await writer.write(bytes.subarray(at, at + pieceBytesMax));
  }
}

/** As messages each by itself; otherwise all at once, unless it is long. Undefined when more may be written at once. */
function writeEvents(
  events: readonly Buffer[],
  { exchange, shape }: Response,
  writer: BodyWriter,
): Promise<void> | undefined {
  if (asksForMessages(exchange)) {
    const messages = events.map((event) => shape.unframed(event));
    return writeEach(messages, writer);
  }
  const bytes = events.length === 1 ? (events[0] as Buffer) : Buffer.concat(events);
  return bytes.length > pieceBytesMax ? writePieces(bytes, writer) : writer.write(bytes);
}

/** What ends a watch that failed: an ERROR event, or nothing for a reader that was too slow and must come again. */
function lastEvent(error: unknown, shape: Shape): Buffer | undefined {
  if (error instanceof StatusError) return shape.encodeEvent("ERROR", error.status as unknown as AnyObject);
  return error instanceof SubscriptionOverflowError ? Buffer.alloc(0) : undefined;
}

class EventEncoder {
  readonly #answer: WatchAnswer;
  readonly #shape: Shape;
  readonly #isRaw: boolean;
  /** Undefined where no two events need be alike: rows tell ages, and the first one's table its columns. */
  readonly #form: string | undefined;
  #isFirst = true;

  constructor(answer: WatchAnswer, shape: Shape) {
    this.#answer = answer;
    this.#shape = shape;
    const { as, version, mediaType } = shape.accepted;
    this.#form = as === "Table" ? undefined : `${mediaType} ${as} ${version}`;
    this.#isRaw = shape.isObjectJson && answer.endpoint.isStorageVersion;
  }

  encode(item: WatchItem): Buffer {
    const { endpoint } = this.#answer;
    if (item.type === "BOOKMARK") return this.#event("BOOKMARK", this.#bookmark(item));
    if (item.author !== undefined) return this.#event(item.type, endpoint.view(item.object), item.author);
    if (this.#isRaw) return item.isLive ? item.object.sharedLine(item.type) : item.object.line(item.type);
    const encode = (): Buffer => this.#event(item.type, endpoint.view(item.object));
    return item.isLive && this.#form !== undefined
      ? item.object.sharedEvent(endpoint, `${this.#form} ${item.type}`, encode)
      : encode();
  }

  #event(type: string, object: AnyObject, author?: string): Buffer {
    const shaped = this.#shape.shaped(object, this.#answer.endpoint.gvk, this.#isFirst);
    this.#isFirst = false;
    return this.#shape.encodeEvent(type, shaped, author);
  }

  #bookmark({ revision, endsInitialEvents }: Extract<WatchItem, { type: "BOOKMARK" }>): AnyObject {
    const { gvk, isCustom } = this.#answer.endpoint;
    const object = {
      kind: gvk.kind,
      apiVersion: apiVersionOf(gvk),
      metadata: {
        resourceVersion: revision.toString(),
        ...(endsInitialEvents ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
      },
    };
    return isCustom ? inKeyOrder(object) : object;
  }
}
