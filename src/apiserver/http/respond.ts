/** Answers onto the wire. upstream: apiserver/pkg/endpoints/handlers/responsewriters/writers.go, handlers/watch.go */
import { Readable } from "node:stream";
import { inKeyOrder } from "#api/codec/go-json.ts";
import { apiVersionOf, parseApiVersion, type AnyObject } from "#api/meta/object.ts";
import { StatusError, type Status } from "#api/meta/status.ts";
import { SubscriptionOverflowError } from "#base/subscription.ts";
import type { Clock } from "#base/clock.ts";
import type { Answer, ListAnswer, RawAnswer, StoredAnswer, WatchAnswer } from "#apiserver/request/call.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { chunkBytes, type ChunkPool } from "./chunk-pool.ts";
import { acceptsGzip, compressChunks, compressed, compressedMinBytes } from "./compression.ts";
import { ClientGoneError, headerOf, type Exchange, type HeaderPairs } from "./exchange.ts";
import { ListBody, listMeta } from "./list-body.ts";
import { until } from "./lasting.ts";
import { acceptLog, acceptWatch, asksForMessages, type Asking } from "./messages.ts";
import { prettyChunks } from "./pretty-list.ts";
import type { Shape } from "./shape.ts";
import { warningHeaders } from "./warnings.ts";
import { BodyWriter } from "./writer.ts";

export interface Response {
  readonly exchange: Exchange;
  readonly shape: Shape;
  readonly warnings: ReadonlySet<string> | undefined;
  /** Of a watch: where the sizes of its events are counted. */
  readonly events?: { observe(bytes: number): void } | undefined;
  /** Of a watch that begins as a list: all of that has been told. */
  readonly listed?: (() => void) | undefined;
  /** Of bytes that come from elsewhere without an end: ends them well when it aborts. */
  readonly over?: AbortSignal | undefined;
}

export interface ResponseDeps {
  readonly clock: Clock;
  readonly chunks: ChunkPool;
}

/** Undefined when the answer is out; otherwise resolves then, or when the client is gone. */
export function respond(answer: Answer, response: Response, deps: ResponseDeps): Promise<void> | undefined {
  switch (answer.kind) {
    case "stored": {
      const waiting = answer.endpoint.prepare([answer.object]);
      return waiting === undefined
        ? sendStored(answer, response, deps)
        : waiting.then(() => sendStored(answer, response, deps));
    }
    case "object":
      return send(response, answer.status, encodedObject(response.shape, answer.object));
    case "list":
      return sendList(answer, response, deps);
    case "watch":
      return sendWatch(answer, response, deps.clock);
    case "raw":
      return sendRaw(answer, response, deps.clock);
    case "hijacked":
      return undefined;
  }
}

function sendStored(
  { object, endpoint, status }: StoredAnswer,
  response: Response,
  { chunks }: ResponseDeps,
): Promise<void> | undefined {
  const { shape } = response;
  const body =
    shape.isPlainJson && endpoint.isStorageVersion
      ? chunks.filled(object.servedBytesMax + 1, (target, start) => {
          const end = object.copyTo(target, start);
          target[end] = newline;
          return end + 1;
        })
      : shape.encode(shape.shaped(endpoint.view(object), endpoint.gvk));
  return send(response, status, body);
}

/** What was sent where it was another shape of the content than the content itself: rows, or metadata alone. */
export function otherShape(answer: Answer, shape: Shape): AnyObject | undefined {
  if (shape.accepted.as === "") return undefined;
  switch (answer.kind) {
    case "stored":
      return shape.shaped(answer.endpoint.view(answer.object), answer.endpoint.gvk);
    case "object":
      return shapedObject(shape, answer.object);
    case "list":
      return shapedList(answer, shape);
    default:
      return undefined;
  }
}

export function sendStatus(response: Response, status: Status): void {
  const body = encodedObject(response.shape, status as unknown as AnyObject);
  sendBody(response, status.code ?? 500, body, retryHeaders(status));
}

function retryHeaders({ details }: Status): HeaderPairs {
  const seconds = details?.retryAfterSeconds;
  return seconds === undefined ? noHeaders : ["retry-after", String(seconds)];
}

const encodedObject = (shape: Shape, object: AnyObject): Buffer => shape.encode(shapedObject(shape, object));

function shapedObject(shape: Shape, object: AnyObject): AnyObject {
  const { apiVersion = "", kind = "" } = object;
  const gvk = { ...parseApiVersion(apiVersion), kind };
  const items = kind.endsWith("List") ? (object["items"] as readonly AnyObject[] | undefined) : undefined;
  return items === undefined
    ? shape.shaped(object, gvk)
    : shape.list(items, {}, { ...gvk, kind: kind.slice(0, -"List".length), listKind: kind, isCustom: false });
}

function send(response: Response, status: number, body: Buffer): Promise<void> | undefined {
  if (body.length < compressedMinBytes || !takesGzip(response)) {
    sendBody(response, status, body);
    return undefined;
  }
  return compressed(body).then((bytes) => {
    sendBody(response, status, bytes, gzipHeaders);
  });
}

const takesGzip = ({ exchange }: Response): boolean => acceptsGzip(headerOf(exchange, "accept-encoding"));
const isHead = ({ exchange }: Response): boolean => exchange.method === "HEAD";

function sendBody(response: Response, status: number, body: Buffer, more: HeaderPairs = noHeaders): void {
  const headers = [
    "content-type",
    response.shape.contentType(false),
    "content-length",
    String(body.length),
    ...caching,
    ...more,
  ];
  addWarnings(response);
  response.exchange.send(status, headers, isHead(response) ? undefined : body);
}

const newline = 0x0a;
const noHeaders: HeaderPairs = [];
const gzipHeaders: HeaderPairs = ["content-encoding", "gzip", "vary", "Accept-Encoding"];
const caching: HeaderPairs = ["cache-control", "no-cache, private"];

function addWarnings({ exchange, warnings }: Response): void {
  if (warnings === undefined) return;
  const values = warningHeaders(warnings);
  if (values.length > 0) exchange.setHeader("warning", values);
}

function sendList(answer: ListAnswer, response: Response, deps: ResponseDeps): Promise<void> | undefined {
  const { endpoint } = answer;
  const { shape } = response;
  if (shape.isObjectJson && shape.accepted.isPretty) return sendPrettyList(answer, response, deps);
  if (!shape.isPlainJson || !endpoint.isStorageVersion) return sendShapedList(answer, response);
  const body = new ListBody(answer);
  const bytesMax = body.bytesMax(chunkBytes);
  if (bytesMax < chunkBytes) {
    const bytes = deps.chunks.filled(bytesMax, (target, start) => body.copyTo(target, start));
    return send(response, 200, bytes);
  }
  return streamList(body, response, deps);
}

/** Piece by piece where it is long: it is not to be in memory as a whole. */
async function sendPrettyList(answer: ListAnswer, response: Response, deps: ResponseDeps): Promise<void> {
  await answer.endpoint.prepare(answer.items);
  const chunks = prettyChunks(answer, response.shape, chunkBytes);
  const first = chunks.next().value ?? noBytes;
  const second = chunks.next();
  if (second.done === true) await send(response, 200, first);
  else await streamList({ chunks: () => concatenated(first, second.value, chunks) }, response, deps);
}

function* concatenated(first: Buffer, second: Buffer, rest: Iterable<Buffer>): Generator<Buffer, undefined> {
  yield first;
  yield second;
  yield* rest;
}

async function sendShapedList(answer: ListAnswer, response: Response): Promise<void> {
  const { shape } = response;
  await answer.endpoint.prepare(answer.items);
  await send(response, 200, shape.encode(shapedList(answer, shape)));
}

/** Its objects are prepared. */
function shapedList(answer: ListAnswer, shape: Shape): AnyObject {
  const { endpoint, items } = answer;
  const objects = items.map((item) => endpoint.view(item));
  const { listKind } = endpoint.definition;
  return shape.list(objects, listMeta(answer), { ...endpoint.gvk, listKind, isCustom: endpoint.isCustom });
}

async function streamList(
  body: Pick<ListBody, "chunks">,
  response: Response,
  { clock, chunks }: ResponseDeps,
): Promise<void> {
  const { exchange, shape } = response;
  const isCompressed = takesGzip(response);
  addWarnings(response);
  const type = ["content-type", shape.contentType(false), ...caching];
  const headers = isCompressed ? [...type, ...gzipHeaders] : type;
  if (isHead(response)) {
    exchange.send(200, headers, undefined);
    return;
  }
  exchange.begin(200, headers);
  const writer = new BodyWriter(exchange, clock);
  if (isCompressed) {
    await compressChunks(body.chunks(ownChunk), async (chunk) => writer.write(chunk));
  } else {
    let taken: Buffer = noBytes;
    const take = (): Buffer => (taken = chunks.take());
    for (const chunk of body.chunks(take)) {
      const own = taken;
      await writer.write(chunk, (error) => {
        // What failed may still lie about somewhere.
        if (chunk.buffer === own.buffer && (error === undefined || error === null)) chunks.give(own);
      });
    }
  }
  writer.end();
}

const noBytes = Buffer.alloc(0);
/** Who compresses doesn't say when he has read it. */
const ownChunk = (): Buffer => Buffer.allocUnsafeSlow(chunkBytes);

async function sendWatch(answer: WatchAnswer, response: Response, clock: Clock): Promise<void> {
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

async function writeEach(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  writer: BodyWriter,
): Promise<void> {
  for await (const chunk of chunks) await writer.write(chunk);
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
  #isFirst = true;

  constructor(answer: WatchAnswer, shape: Shape) {
    this.#answer = answer;
    this.#shape = shape;
    this.#isRaw = shape.isObjectJson && answer.endpoint.isStorageVersion;
  }

  encode(item: WatchItem): Buffer {
    const { endpoint } = this.#answer;
    if (item.type === "BOOKMARK") return this.#event("BOOKMARK", this.#bookmark(item));
    if (item.author !== undefined) return this.#event(item.type, endpoint.view(item.object), item.author);
    if (this.#isRaw) return item.isLive ? item.object.sharedLine(item.type) : item.object.line(item.type);
    return this.#event(item.type, endpoint.view(item.object));
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

function sendRaw(answer: RawAnswer, response: Response, clock: Clock): Promise<void> | undefined {
  const { exchange } = response;
  const { status, headers, body } = answer;
  if (status === 200 && asksForMessages(exchange)) {
    return sendMessages(answer, { ...response, exchange }, clock);
  }
  addWarnings(response);
  exchange.setHeader("cache-control", "no-cache, private");
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return streamRaw(answer, response, clock);
  if (status === 204) {
    setAll(exchange, headers);
    exchange.send(status, noHeaders, undefined);
    return undefined;
  }
  const plain = Buffer.from(body as string);
  const finish = (bytes: Buffer, more: RawAnswer["headers"] = {}): void => {
    setAll(exchange, { ...more, ...headers, "content-length": String(bytes.length) });
    exchange.send(status, noHeaders, isHead(response) || status === 304 ? undefined : bytes);
  };
  // A part is counted in bytes of the whole as it is.
  const isFixed = headers["content-encoding"] !== undefined || status === 206;
  if (!isFixed && plain.length >= compressedMinBytes && takesGzip(response)) {
    return compressed(plain).then((bytes) => {
      finish(bytes, { "content-encoding": "gzip", vary: "Accept-Encoding" });
    });
  }
  finish(plain);
  return undefined;
}

async function streamRaw(
  { status, headers, body, passedOn }: RawAnswer,
  { exchange, over }: Response,
  clock: Clock,
): Promise<void> {
  if (passedOn === undefined) setAll(exchange, headers);
  // What we say of it stands beside what they do.
  else for (const [name, value] of Object.entries(headers)) exchange.addHeader(name, value);
  const takesTrailers = exchange.takesTrailers;
  const announced = passedOn?.announced;
  if (announced !== undefined && takesTrailers) exchange.addHeader("trailer", announced);
  exchange.begin(status, noHeaders);
  const writer = new BodyWriter(exchange, clock);
  const chunks = until(body as AsyncIterable<Uint8Array>, over);
  await writeEach(chunks, writer).catch(unlessGone(exchange));
  const trailers = takesTrailers ? passedOn?.trailers() : undefined;
  writer.end(trailers === undefined ? undefined : Object.entries(trailers).flat(1));
}

/** What comes from elsewhere breaks off, in whatever words, when its client goes: that is all there is to say. */
const unlessGone =
  (exchange: Pick<Exchange, "isOver">) =>
  (error: unknown): never => {
    throw exchange.isOver ? new ClientGoneError() : error;
  };

/** An empty one first: upstream's ping. */
async function sendMessages(
  { body }: RawAnswer,
  { exchange, over }: Response & { readonly exchange: Asking },
  clock: Clock,
): Promise<void> {
  const messageOf = acceptLog(exchange);
  if (messageOf === undefined) {
    if (body instanceof Readable) body.destroy();
    return;
  }
  const writer = new BodyWriter(exchange, clock);
  await writer.write(noBytes);
  const all = typeof body === "string" || body instanceof Uint8Array ? [Buffer.from(body as string)] : body;
  await writeEach(messagesOf(until(all, over), messageOf), writer).catch(unlessGone(exchange));
  writer.end();
}

async function* messagesOf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  messageOf: (chunk: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) if (chunk.length > 0) yield messageOf(chunk);
}

function setAll(exchange: Exchange, headers: RawAnswer["headers"]): void {
  for (const [name, value] of Object.entries(headers)) exchange.setHeader(name, value);
}
