/** Answers onto the wire. upstream: apiserver/pkg/endpoints/handlers/responsewriters/writers.go */
import { Readable } from "node:stream";
import { parseApiVersion, type AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Answer, RawAnswer, StoredAnswer } from "#apiserver/request/call.ts";
import { compressed, compressedMinBytes } from "./compression.ts";
import { ClientGoneError, type Exchange, type HeaderPairs } from "./exchange.ts";
import { until } from "./lasting.ts";
import { acceptLog, asksForMessages, type Asking } from "./messages.ts";
import { sendList, shapedList } from "./send-list.ts";
import { sendWatch } from "./send-watch.ts";
import {
  addWarnings,
  isHead,
  noBytes,
  noHeaders,
  send,
  sendBody,
  takesGzip,
  type Response,
  type ResponseDeps,
} from "./send.ts";
import type { Shape } from "./shape.ts";
import { BodyWriter, writeEach } from "./writer.ts";

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

const newline = 0x0a;

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
