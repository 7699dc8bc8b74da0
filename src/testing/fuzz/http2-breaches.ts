/** What clients of HTTP/2 may not send, and what RFC 9113 says must be answered. */
import {
  errorCodes,
  flags,
  frameTypes,
  headOf,
  numbersFrame,
  settings,
  settingsFrame,
} from "#wire/http2/frames.ts";
import { encodeHeaders, type Header } from "#wire/http2/hpack.ts";

/** What ends: the connection, or the stream. */
export interface Breach {
  readonly name: string;
  /** After the preface and settings, unless it is to come instead of them. */
  readonly frames: Buffer;
  readonly ends: "connection" | "stream";
  readonly code: number;
  /** There are no settings before it. */
  readonly isFirst?: boolean;
}

export const frame = (type: number, flagBits: number, stream: number, payload: Buffer = nothing): Buffer =>
  Buffer.concat([headOf(type, flagBits, stream, payload.length), payload]);

const nothing = Buffer.alloc(0);
const { endStream, endHeaders, padded, priority, ack } = flags;
const whole = endStream | endHeaders;

const head = (...more: readonly (readonly [name: string, value: string])[]): Header[] =>
  [
    [":method", "GET"] as const,
    [":scheme", "https"] as const,
    [":authority", "localhost"] as const,
    [":path", "/version"] as const,
    ...more,
  ].map(([name, value]) => ({ name, value }));

export const goodBlock = encodeHeaders(head());
/** A write whose body of 1000 bytes is waited for. */
const writing = new Map([
  [":method", "POST"],
  [":path", "/api/v1/namespaces/default/configmaps?dryRun=All"],
]);
export const postBlock = encodeHeaders(
  head(["content-type", "application/json"], ["content-length", "1000"]).map(({ name, value }) => ({
    name,
    value: writing.get(name) ?? value,
  })),
);
export const ask = (stream: number, block = goodBlock, flagBits = whole): Buffer =>
  frame(frameTypes.headers, flagBits, stream, block);
const without = (name: string): Buffer => encodeHeaders(head().filter((each) => each.name !== name));
const withHeaders = (...more: readonly (readonly [name: string, value: string])[]): Buffer =>
  encodeHeaders(head(...more));

const { protocol, flowControl, frameSize, compression, enhanceYourCalm } = errorCodes;

type Row = readonly [name: string, code: number, frames: readonly Buffer[]];

const ofConnection: readonly Row[] = [
  ["data of no stream", protocol, [frame(frameTypes.data, 0, 0)]],
  ["headers of no stream", protocol, [ask(0)]],
  ["a priority of no stream", protocol, [frame(frameTypes.priority, 0, 0, Buffer.alloc(5))]],
  ["a reset of no stream", protocol, [numbersFrame(frameTypes.reset, 0, 8)]],
  ["a continuation of no stream", protocol, [frame(frameTypes.continuation, endHeaders, 0)]],
  ["a ping of a stream", protocol, [frame(frameTypes.ping, 0, 1, Buffer.alloc(8))]],
  ["settings of a stream", protocol, [frame(frameTypes.settings, 0, 1)]],
  ["a goodbye of a stream", protocol, [frame(frameTypes.goAway, 0, 1, Buffer.alloc(8))]],
  ["a push", protocol, [frame(frameTypes.pushPromise, endHeaders, 1, Buffer.alloc(4))]],
  ["a continuation of nothing", protocol, [frame(frameTypes.continuation, endHeaders, 1, goodBlock)]],
  ["a stream of the server's", protocol, [ask(2)]],
  ["a stream of the server's among the client's", protocol, [ask(5), ask(4)]],
  ["data of a stream that isn't open", protocol, [frame(frameTypes.data, 0, 1, Buffer.alloc(3))]],
  ["a reset of a stream that isn't open", protocol, [numbersFrame(frameTypes.reset, 7, 8)]],
  ["a window of a stream that isn't open", protocol, [numbersFrame(frameTypes.windowUpdate, 7, 8)]],
  ["a window of the server's streams", protocol, [ask(5), numbersFrame(frameTypes.windowUpdate, 4, 8)]],
  ["a short ping", frameSize, [frame(frameTypes.ping, 0, 0, Buffer.alloc(7))]],
  ["a long ping", frameSize, [frame(frameTypes.ping, ack, 0, Buffer.alloc(9))]],
  ["a short reset", frameSize, [ask(1), frame(frameTypes.reset, 0, 1, Buffer.alloc(3))]],
  ["a short window", frameSize, [frame(frameTypes.windowUpdate, 0, 0, Buffer.alloc(3))]],
  ["a long window", frameSize, [frame(frameTypes.windowUpdate, 0, 0, Buffer.alloc(5))]],
  ["a short priority", frameSize, [ask(1), frame(frameTypes.priority, 0, 1, Buffer.alloc(4))]],
  ["a short goodbye", frameSize, [frame(frameTypes.goAway, 0, 0, Buffer.alloc(7))]],
  ["settings cut off", frameSize, [frame(frameTypes.settings, 0, 0, Buffer.alloc(5))]],
  [
    "an acknowledgement that says something",
    frameSize,
    [frame(frameTypes.settings, ack, 0, Buffer.alloc(6))],
  ],
  ["a frame that is too long", frameSize, [headOf(frameTypes.data, 0, 1, 16_385)]],
  ["an unknown frame that is too long", frameSize, [headOf(77, 0, 1, 2 ** 24 - 1)]],
  ["a push that is neither on nor off", protocol, [settingsFrame([[settings.enablePush, 2]])]],
  ["frames of less than 16 KiB", protocol, [settingsFrame([[settings.frameBytesMax, 16_383]])]],
  ["frames of 16 MiB", protocol, [settingsFrame([[settings.frameBytesMax, 2 ** 24]])]],
  ["a window beyond all windows", flowControl, [settingsFrame([[settings.initialWindow, 2 ** 31]])]],
  ["a window that grows by nothing", protocol, [numbersFrame(frameTypes.windowUpdate, 0, 0)]],
  ["a window that grows too far", flowControl, [numbersFrame(frameTypes.windowUpdate, 0, 2 ** 31 - 1)]],
  [
    "headers within headers",
    protocol,
    [frame(frameTypes.headers, endStream, 1, goodBlock.subarray(0, 3)), ask(3)],
  ],
  [
    "a ping within headers",
    protocol,
    [frame(frameTypes.headers, endStream, 1), frame(frameTypes.ping, 0, 0, Buffer.alloc(8))],
  ],
  [
    "headers go on in another stream",
    protocol,
    [frame(frameTypes.headers, endStream, 1), frame(frameTypes.continuation, endHeaders, 3, goodBlock)],
  ],
  [
    "an unknown frame within headers",
    protocol,
    [frame(frameTypes.headers, endStream, 1), frame(77, 0, 1, Buffer.alloc(2))],
  ],
  ["more padding than there is", protocol, [ask(1, Buffer.from([9, 1, 2]), whole | padded)]],
  ["padding without its length", protocol, [ask(1, nothing, whole | padded)]],
  ["a priority that is cut off", protocol, [ask(1, Buffer.alloc(4), whole | priority)]],
  [
    "more padding of data than there is",
    protocol,
    [ask(1, postBlock, endHeaders), frame(frameTypes.data, padded, 1, Buffer.from([5, 0, 0]))],
  ],
  ["an entry that isn't in the tables", compression, [ask(1, Buffer.from([0xff, 0x7f]))]],
  ["entry 0", compression, [ask(1, Buffer.from([0x80]))]],
  ["a table that is too big", compression, [ask(1, Buffer.from([0x3f, 0xe2, 0x1f]))]],
  ["a table's size after a header", compression, [ask(1, Buffer.from([0x82, 0x20]))]],
  ["a block that ends within a header", compression, [ask(1, Buffer.from([0x40, 0x05, 0x61]))]],
  ["a number without an end", compression, [ask(1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]))]],
  [
    "text that isn't of the Huffman code",
    compression,
    [ask(1, Buffer.from([0x40, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]))],
  ],
  [
    "headers without an end",
    enhanceYourCalm,
    [
      frame(frameTypes.headers, endStream, 1),
      ...Array.from({ length: 200 }, () => frame(frameTypes.continuation, 0, 1)),
    ],
  ],
];

const ofStream: readonly Row[] = [
  [
    "a window of a stream that grows by nothing",
    protocol,
    [ask(1, postBlock, endHeaders), numbersFrame(frameTypes.windowUpdate, 1, 0)],
  ],
  [
    "a window of a stream that grows too far",
    flowControl,
    [ask(1, postBlock, endHeaders), numbersFrame(frameTypes.windowUpdate, 1, 2 ** 31 - 1)],
  ],
  [
    "more body than was announced",
    protocol,
    [ask(1, postBlock, endHeaders), frame(frameTypes.data, 0, 1, Buffer.alloc(1001))],
  ],
  [
    "less body than was announced",
    protocol,
    [ask(1, postBlock, endHeaders), frame(frameTypes.data, endStream, 1, Buffer.alloc(999))],
  ],
  ["no body where one was announced", protocol, [ask(1, postBlock)]],
  ["a second head", protocol, [ask(1, postBlock, endHeaders), ask(1, goodBlock, endHeaders)]],
  ["trailers that look like a head", protocol, [ask(1, postBlock, endHeaders), ask(1)]],
  ["no method", protocol, [ask(1, without(":method"))]],
  ["no scheme", protocol, [ask(1, without(":scheme"))]],
  ["no path", protocol, [ask(1, without(":path"))]],
  ["an empty path", protocol, [ask(1, encodeHeaders([...head().slice(0, 3), { name: ":path", value: "" }]))]],
  ["two methods", protocol, [ask(1, encodeHeaders([{ name: ":method", value: "GET" }, ...head()]))]],
  ["a status", protocol, [ask(1, encodeHeaders([{ name: ":status", value: "200" }, ...head()]))]],
  ["a path after other headers", protocol, [ask(1, withHeaders(["a", "b"], [":path", "/x"]))]],
  ["a name in capitals", protocol, [ask(1, withHeaders(["Accept", "x"]))]],
  ["a name with a space", protocol, [ask(1, withHeaders(["a b", "x"]))]],
  ["a name that is empty", protocol, [ask(1, withHeaders(["", "x"]))]],
  ["a value of two lines", protocol, [ask(1, withHeaders(["a", "x\r\ny: z"]))]],
  ["a value with a NUL", protocol, [ask(1, withHeaders(["a", "x\0"]))]],
  ["connection: close", protocol, [ask(1, withHeaders(["connection", "close"]))]],
  ["transfer-encoding", protocol, [ask(1, withHeaders(["transfer-encoding", "chunked"]))]],
  ["an upgrade", protocol, [ask(1, withHeaders(["upgrade", "websocket"]))]],
  ["te that isn't trailers", protocol, [ask(1, withHeaders(["te", "gzip"]))]],
  ["a length that is none", protocol, [ask(1, withHeaders(["content-length", "-1"]))]],
];

export const breaches: readonly Breach[] = [
  ...ofConnection.map(([name, code, frames]): Breach => ({
    name,
    code,
    frames: Buffer.concat(frames),
    ends: "connection",
  })),
  ...ofStream.map(([name, code, frames]): Breach => ({
    name,
    code,
    frames: Buffer.concat(frames),
    ends: "stream",
  })),
  { name: "no settings", code: protocol, frames: ask(1), ends: "connection", isFirst: true },
  {
    name: "settings that are an acknowledgement, first",
    code: protocol,
    frames: Buffer.concat([frame(frameTypes.settings, ack, 0), ask(1)]),
    ends: "connection",
    isFirst: true,
  },
];
