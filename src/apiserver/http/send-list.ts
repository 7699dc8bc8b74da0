/** Lists onto the wire: short ones at once, long ones in pieces. */
import type { AnyObject } from "#api/meta/object.ts";
import type { ListAnswer } from "#apiserver/request/call.ts";
import { chunkBytes } from "./chunk-pool.ts";
import { compressChunks } from "./compression.ts";
import { ListBody, listMeta } from "./list-body.ts";
import { jsonPieces, listTypeOf, protobufPieces } from "./list-pieces.ts";
import {
  addWarnings,
  caching,
  gzipHeaders,
  isHead,
  noBytes,
  send,
  takesGzip,
  type Response,
  type ResponseDeps,
} from "./send.ts";
import type { Shape } from "./shape.ts";
import { BodyWriter } from "./writer.ts";

/** Undefined when it is out; otherwise resolves then. Throws ClientGoneError. */
export function sendList(
  answer: ListAnswer,
  response: Response,
  deps: ResponseDeps,
): Promise<void> | undefined {
  const { endpoint } = answer;
  const { shape } = response;
  if (!shape.isPlainJson || !endpoint.isStorageVersion) return sendShapedList(answer, response, deps);
  const body = new ListBody(answer);
  const bytesMax = body.bytesMax(chunkBytes);
  if (bytesMax < chunkBytes) {
    const bytes = deps.chunks.filled(bytesMax, (target, start) => body.copyTo(target, start));
    return send(response, 200, bytes);
  }
  return streamList(body, response, deps);
}

async function sendShapedList(answer: ListAnswer, response: Response, deps: ResponseDeps): Promise<void> {
  const { exchange, shape } = response;
  await answer.endpoint.prepare(answer.items);
  if (!shape.isItemwise) {
    await send(response, 200, shape.encode(shapedList(answer, shape)));
    return;
  }
  const all = shape.isText
    ? jsonPieces(answer, shape, chunkBytes)
    : await protobufPieces(answer, shape, { bytesMin: chunkBytes, exchange });
  const pieces = all[Symbol.iterator]();
  const first = pieces.next().value ?? noBytes;
  const second = pieces.next();
  if (second.done === true) await send(response, 200, first);
  else await streamList({ chunks: () => concatenated(first, second.value, pieces) }, response, deps);
}

function* concatenated(first: Buffer, second: Buffer, rest: Iterable<Buffer>): Generator<Buffer, undefined> {
  yield first;
  yield second;
  yield* rest;
}

/** As a whole. Its objects are prepared. */
export function shapedList(answer: ListAnswer, shape: Shape): AnyObject {
  const { endpoint, items } = answer;
  const objects = items.map((item) => endpoint.view(item));
  return shape.list(objects, listMeta(answer), listTypeOf(answer));
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

/** Who compresses doesn't say when he has read it. */
const ownChunk = (): Buffer => Buffer.allocUnsafeSlow(chunkBytes);
