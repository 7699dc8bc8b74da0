/**
 * Frames of HTTP/2 that no client of Node's would send, over TLS against the whole server: breaches of each rule between
 * good frames, good conversations with damaged bytes, floods. What is broken must be told with RFC 9113's code, what isn't
 * must be answered, and every connection ends.
 */
import { strict as assert } from "node:assert";
import {
  errorCodes,
  flags,
  frameTypes,
  initialWindowBytes,
  numbersFrame,
  preface,
  settings,
  settingsFrame,
} from "#wire/http2/frames.ts";
import type { TestServer } from "#testing/server.ts";
import type { Choice } from "./choice.ts";
import { ask, breaches, frame, goodBlock, postBlock, type Breach } from "./http2-breaches.ts";
import { RawHttp2Client } from "./http2-client.ts";
import { mutateBytes } from "./mutations.ts";

const { endStream, endHeaders, padded } = flags;
const greeting = Buffer.concat([preface, settingsFrame([])]);

/** Says nothing that matters. */
function harmless(choice: Choice): Buffer {
  const stream = 1 + 2 * choice.int(50);
  switch (choice.int(6)) {
    case 0:
      return frame(frameTypes.ping, 0, 0, choice.bytes(8));
    case 1:
      return frame(frameTypes.settings, flags.ack, 0);
    case 2:
      return settingsFrame([[settings.headerBytesMax, choice.int(2 ** 16)]]);
    case 3:
      return frame(frameTypes.priority, 0, stream, choice.bytes(5));
    case 4:
      return frame(10 + choice.int(200), choice.int(256), stream, choice.bytes(choice.int(40)));
    default:
      return settingsFrame([
        [settings.enablePush, choice.int(2)],
        [settings.frameBytesMax, 16_384 + choice.int(2 ** 20)],
        [0x1000 + choice.int(1000), choice.int(2 ** 31)],
      ]);
  }
}

const someHarmless = (choice: Choice): Buffer[] =>
  Array.from({ length: choice.int(4) }, () => harmless(choice));

/** In pieces as a network makes them. */
async function sendInPieces(client: RawHttp2Client, bytes: Buffer, choice: Choice): Promise<void> {
  const pieceMax = choice.pick([1, 7, 100, 5000]);
  // Byte by byte only so far, or a case lasts too long.
  for (let at = 0, pieces = 0; at < bytes.length; pieces++) {
    const end = pieces > 60 ? bytes.length : Math.min(bytes.length, at + 1 + choice.int(pieceMax));
    client.send(bytes.subarray(at, end));
    at = end;
    if (choice.chance(0.2)) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }
}

async function tells(client: RawHttp2Client, { name, ends, code }: Breach): Promise<void> {
  const isEnd = ({ type, stream }: { type: number; stream: number }): boolean =>
    type === frameTypes.goAway || (ends === "stream" && type === frameTypes.reset && stream === 1);
  const told = await client.first(isEnd);
  const at = told?.type === frameTypes.goAway ? 4 : 0;
  assert.deepEqual(
    { type: told?.type, code: told?.payload.readUInt32BE(at) },
    { type: ends === "connection" ? frameTypes.goAway : frameTypes.reset, code },
    name,
  );
  if (ends === "connection") await client.closed;
}

export async function runBreach(breach: Breach, client: RawHttp2Client, choice: Choice): Promise<void> {
  const before = breach.isFirst === true ? [preface] : [greeting, ...someHarmless(choice)];
  await sendInPieces(client, Buffer.concat([...before, breach.frames]), choice);
  await tells(client, breach);
}

/** A head in several frames, padded or not, which must be understood. */
function splitHead(stream: number, block: Buffer, isLast: boolean, choice: Choice): Buffer {
  const cuts = Array.from({ length: choice.int(5) }, () => choice.int(block.length + 1)).toSorted(
    (a, b) => a - b,
  );
  const parts = [0, ...cuts].map((start, at) => block.subarray(start, cuts[at] ?? block.length));
  const [first = block, ...rest] = parts;
  const padding = choice.chance(0.3) ? choice.int(20) : undefined;
  const payload =
    padding === undefined ? first : Buffer.concat([Buffer.from([padding]), first, Buffer.alloc(padding)]);
  const bits =
    (isLast ? endStream : 0) | (padding === undefined ? 0 : padded) | (rest.length === 0 ? endHeaders : 0);
  return Buffer.concat([
    frame(frameTypes.headers, bits, stream, payload),
    ...rest.map((part, at) =>
      frame(frameTypes.continuation, at === rest.length - 1 ? endHeaders : 0, stream, part),
    ),
  ]);
}

/** Good requests; the last stream's number comes with it. */
function conversation(choice: Choice): { readonly bytes: Buffer; readonly last: number } {
  const parts: Buffer[] = [];
  let stream = -1;
  for (let rest = 1 + choice.int(6); rest > 0; rest--) {
    stream += 2 * (1 + choice.int(3));
    parts.push(...someHarmless(choice));
    if (choice.chance(0.2)) {
      parts.push(splitHead(stream, postBlock, false, choice));
      parts.push(
        frame(frameTypes.data, padded, stream, Buffer.concat([Buffer.from([3]), Buffer.alloc(403)])),
      );
      if (choice.chance(0.5)) parts.push(frame(frameTypes.data, endStream, stream, Buffer.alloc(600)));
      if (choice.chance(0.5)) parts.push(numbersFrame(frameTypes.reset, stream, errorCodes.cancel));
    } else parts.push(splitHead(stream, goodBlock, true, choice));
  }
  stream += 2;
  parts.push(splitHead(stream, goodBlock, true, choice));
  return { bytes: Buffer.concat(parts), last: stream };
}

async function answers(client: RawHttp2Client, stream: number): Promise<void> {
  const isOver = (each: { type: number; stream: number; flags: number }): boolean =>
    each.type === frameTypes.goAway ||
    (each.stream === stream && (each.type === frameTypes.reset || (each.flags & endStream) !== 0));
  const last = await client.first(isOver);
  assert.equal(last?.type, frameTypes.data, `stream ${stream} isn't answered`);
}

/** Each is one that costs a server something, again and again. */
function flood(choice: Choice): Buffer {
  const count = 200 + choice.int(3000);
  const kinds: readonly ((at: number) => Buffer)[] = [
    (at) => Buffer.concat([ask(1 + 2 * at), numbersFrame(frameTypes.reset, 1 + 2 * at, errorCodes.cancel)]),
    (at) => ask(1 + 2 * at, Buffer.from([0x82])),
    (at) => ask(1 + 2 * at, postBlock, endHeaders),
    () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8)),
    () => settingsFrame([[settings.initialWindow, choice.int(initialWindowBytes)]]),
    (at) => (at === 0 ? frame(frameTypes.headers, endStream, 1) : frame(frameTypes.continuation, 0, 1)),
    (at) => (at === 0 ? ask(1, postBlock, endHeaders) : frame(frameTypes.data, 0, 1)),
    () => frame(frameTypes.priority, 0, 3, Buffer.alloc(5)),
    () => numbersFrame(frameTypes.windowUpdate, 0, 1),
    // A table that is emptied and filled again, in every head.
    (at) =>
      ask(
        1 + 2 * at,
        Buffer.concat([
          Buffer.from([0x20, 0x3f, 0xe1, 0x1f, 0x40, 1, 0x61, 100]),
          Buffer.alloc(100, 0x62),
          goodBlock,
        ]),
      ),
  ];
  const kind = choice.pick(kinds);
  return Buffer.concat(Array.from({ length: count }, (_, at) => kind(at)));
}

/** Resolves when the server has let go of the connection. */
export async function runHttp2Case(
  choice: Choice,
  server: Pick<TestServer, "port" | "certificate">,
): Promise<void> {
  const client = await RawHttp2Client.open(server);
  try {
    const kind = choice.int(10);
    if (kind < 4) await runBreach(choice.pick(breaches), client, choice);
    else if (kind < 6) {
      const { bytes, last } = conversation(choice);
      await sendInPieces(client, Buffer.concat([greeting, bytes]), choice);
      await answers(client, last);
    } else if (kind < 9) {
      const { bytes } = conversation(choice);
      await sendInPieces(client, Buffer.concat([greeting, mutateBytes(bytes, choice)]), choice);
    } else {
      if (choice.chance(0.5)) client.socket.pause();
      client.send(Buffer.concat([greeting, flood(choice)]));
      client.socket.resume();
    }
    if (!client.socket.destroyed) client.socket.end();
    await client.closed;
  } finally {
    client.socket.destroy();
  }
}
