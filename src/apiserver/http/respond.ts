/** Answers onto the wire. upstream: apiserver/pkg/endpoints/handlers/responsewriters/writers.go, handlers/watch.go */
import { apiVersionOf, parseApiVersion, type AnyObject, type ListMeta } from "#api/meta/object.ts";
import { StatusError, type Status } from "#api/meta/status.ts";
import { assert } from "#base/assert.ts";
import { SubscriptionOverflowError } from "#base/subscription.ts";
import type { Clock } from "#base/clock.ts";
import type { Answer, ListAnswer, RawAnswer, WatchAnswer } from "#apiserver/request/call.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { compressChunks, compressed, compressedMinBytes } from "./compression.ts";
import type { Outgoing } from "./exchange.ts";
import type { Shape } from "./shape.ts";
import { BodyWriter, endWith, flushHead } from "./writer.ts";

export interface Response {
  readonly outgoing: Outgoing;
  readonly shape: Shape;
  readonly warnings: readonly string[];
  readonly isHead: boolean;
  readonly takesGzip: boolean;
  /** Of a watch: where the sizes of its events are counted. */
  readonly events?: { observe(bytes: number): void } | undefined;
}

/** Pieces of a list are gathered to about this size. */
const chunkBytes = 256 << 10;

/** Resolves when the answer is out, or the client gone. */
export async function respond(answer: Answer, response: Response, clock: Clock): Promise<void> {
  switch (answer.kind) {
    case "stored": {
      const { object, endpoint, status } = answer;
      const { shape } = response;
      await endpoint.prepare([object]);
      const body =
        shape.isPlainJson && endpoint.isStorageVersion
          ? object.json()
          : shape.encode(shape.shaped(endpoint.view(object), endpoint.gvk));
      await send(response, status, body);
      return;
    }
    case "object":
      await send(response, answer.status, encodedObject(response.shape, answer.object));
      return;
    case "list":
      await sendList(answer, response, clock);
      return;
    case "watch":
      await sendWatch(answer, response, clock);
      return;
    case "raw":
      await sendRaw(answer, response, clock);
      return;
    case "hijacked":
      return;
  }
}

export function sendStatus(response: Response, status: Status): void {
  const body = encodedObject(response.shape, status as unknown as AnyObject);
  sendBody(response, status.code ?? 500, body, retryHeaders(status));
}

function retryHeaders({ details }: Status): Record<string, string> {
  const seconds = details?.retryAfterSeconds;
  return seconds === undefined ? {} : { "retry-after": String(seconds) };
}

function encodedObject(shape: Shape, object: AnyObject): Buffer {
  const { apiVersion = "", kind = "" } = object;
  const gvk = { ...parseApiVersion(apiVersion), kind };
  const items = kind.endsWith("List") ? (object["items"] as readonly AnyObject[] | undefined) : undefined;
  const shaped =
    items === undefined
      ? shape.shaped(object, gvk)
      : shape.list(items, {}, { ...gvk, kind: kind.slice(0, -"List".length), listKind: kind });
  return shape.encode(shaped);
}

async function send(response: Response, status: number, body: Buffer): Promise<void> {
  if (!response.takesGzip || body.length < compressedMinBytes) sendBody(response, status, body);
  else sendBody(response, status, await compressed(body), gzipHeaders);
}

function sendBody(
  response: Response,
  status: number,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { outgoing, isHead } = response;
  writeHead(response, status, {
    "content-type": response.shape.contentType(false),
    "content-length": String(body.length),
    ...headers,
  });
  if (isHead) outgoing.end();
  else endWith(outgoing, body);
}

const gzipHeaders = { "content-encoding": "gzip", vary: "Accept-Encoding" };

function writeHead(
  { outgoing, warnings }: Response,
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>>,
): void {
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  if (outgoing.getHeader("cache-control") === undefined) {
    outgoing.setHeader("cache-control", "no-cache, private");
  }
  const values = warnings.flatMap(warningValues);
  if (values.length > 0) outgoing.setHeader("warning", values);
  outgoing.statusCode = status;
}

/**
 * None for a text with control characters; UTF-8 as the bytes that Node writes header values in.
 * upstream: apimachinery/pkg/util/net NewWarningHeader
 */
function warningValues(text: string): string[] {
  if (/\p{Cc}/u.test(text)) return [];
  const quoted = `299 - "${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return [Buffer.from(quoted, "utf8").toString("latin1")];
}

function listMeta({ revision, continue: token, remaining }: ListAnswer): ListMeta {
  return {
    resourceVersion: revision.toString(),
    ...(token === "" ? {} : { continue: token }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

async function sendList(answer: ListAnswer, response: Response, clock: Clock): Promise<void> {
  const { endpoint, items } = answer;
  const { shape, outgoing } = response;
  const { listKind } = endpoint.definition;
  if (!shape.isPlainJson || !endpoint.isStorageVersion) {
    await endpoint.prepare(items);
    const objects = items.map((item) => endpoint.view(item));
    const list = shape.list(objects, listMeta(answer), { ...endpoint.gvk, listKind });
    await send(response, 200, shape.encode(list));
    return;
  }
  const chunks = listChunks(answer);
  const { value: first = noBytes, done: isEmpty } = chunks.next();
  assert(isEmpty !== true, "a list has a beginning");
  const isCompressed = response.takesGzip && first.length >= compressedMinBytes;
  writeHead(response, 200, {
    "content-type": shape.contentType(false),
    ...(isCompressed ? gzipHeaders : {}),
  });
  if (response.isHead) {
    outgoing.end();
    return;
  }
  const writer = new BodyWriter(outgoing, clock);
  if (isCompressed) {
    await compressChunks(after(first, chunks), (chunk) => writer.write(chunk));
  } else {
    for (const chunk of after(first, chunks)) await writer.write(chunk);
  }
  writer.end();
}

function* after(first: Buffer, rest: Iterable<Buffer>): Generator<Buffer, undefined> {
  yield first;
  yield* rest;
}

/** A list's JSON, made as it is written: the pieces are there already. */
function* listChunks(answer: ListAnswer): Generator<Buffer, undefined> {
  const { endpoint, items } = answer;
  const head = JSON.stringify({
    kind: endpoint.definition.listKind,
    apiVersion: apiVersionOf(endpoint.gvk),
    metadata: listMeta(answer),
  });
  let pieces: Uint8Array[] = [Buffer.from(`${head.slice(0, -1)},"items":[`, "utf8")];
  let size = 0;
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) pieces.push(comma);
    isFirst = false;
    for (const piece of item.pieces()) {
      pieces.push(piece);
      size += piece.length;
    }
    if (size < chunkBytes) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    size = 0;
  }
  pieces.push(listEnd);
  yield Buffer.concat(pieces);
}

const noBytes = Buffer.alloc(0);
const comma = Buffer.from(",", "latin1");
const listEnd = Buffer.from("]}", "latin1");

async function sendWatch(answer: WatchAnswer, response: Response, clock: Clock): Promise<void> {
  const { items } = answer;
  const { outgoing, shape } = response;
  outgoing.once("close", () => {
    items.cancel();
  });
  writeHead(response, 200, { "content-type": shape.contentType(true) });
  flushHead(outgoing);
  const writer = new BodyWriter(outgoing, clock);
  const encoder = new EventEncoder(answer, shape);
  try {
    for await (const first of items) {
      // All that has come meanwhile goes out in one write.
      const all = [first, ...items.drain()];
      await answer.endpoint.prepare(all.flatMap((item) => (item.type === "BOOKMARK" ? [] : [item.object])));
      const batch = all.map((item) => encoder.encode(item));
      if (response.events !== undefined) for (const { length } of batch) response.events.observe(length);
      await writer.write(batch.length === 1 ? (batch[0] as Buffer) : Buffer.concat(batch));
    }
  } catch (error) {
    items.cancel();
    const last = lastEvent(error, shape);
    if (last === undefined) throw error;
    await writer.write(last);
  }
  writer.end();
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
    this.#isRaw = shape.isPlainJson && answer.endpoint.isStorageVersion;
  }

  encode(item: WatchItem): Buffer {
    const { endpoint } = this.#answer;
    if (item.type === "BOOKMARK") return this.#event("BOOKMARK", this.#bookmark(item));
    if (this.#isRaw) return item.isLive ? item.object.sharedLine(item.type) : item.object.line(item.type);
    return this.#event(item.type, endpoint.view(item.object));
  }

  #event(type: string, object: AnyObject): Buffer {
    const shaped = this.#shape.shaped(object, this.#answer.endpoint.gvk, this.#isFirst);
    this.#isFirst = false;
    return this.#shape.encodeEvent(type, shaped);
  }

  #bookmark({ revision, endsInitialEvents }: Extract<WatchItem, { type: "BOOKMARK" }>): AnyObject {
    const { gvk } = this.#answer.endpoint;
    return {
      kind: gvk.kind,
      apiVersion: apiVersionOf(gvk),
      metadata: {
        resourceVersion: revision.toString(),
        ...(endsInitialEvents ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
      },
    };
  }
}

async function sendRaw(
  { status, headers, body }: RawAnswer,
  response: Response,
  clock: Clock,
): Promise<void> {
  const { outgoing } = response;
  if (typeof body === "string" || body instanceof Uint8Array) {
    const plain = Buffer.from(body as string);
    const isCompressed = response.takesGzip && plain.length >= compressedMinBytes;
    const bytes = isCompressed ? await compressed(plain) : plain;
    writeHead(response, status, {
      ...(isCompressed ? gzipHeaders : {}),
      ...headers,
      "content-length": String(bytes.length),
    });
    if (response.isHead || status === 304) outgoing.end();
    else endWith(outgoing, bytes);
    return;
  }
  writeHead(response, status, headers);
  flushHead(outgoing);
  const writer = new BodyWriter(outgoing, clock);
  for await (const chunk of body) await writer.write(chunk);
  writer.end();
}
