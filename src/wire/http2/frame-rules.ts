/** What makes a frame one that no peer may send, whatever came before it. RFC 9113, section 6 */
import {
  errorCodes,
  flags,
  type Frame,
  frameBytesMax,
  frameTypes,
  Http2Error,
  settings,
  windowBytesMax,
} from "./frames.ts";

interface Rule {
  readonly name: string;
  /** Of one stream, of the connection, or of either. */
  readonly of: "stream" | "connection" | "either";
  readonly hasLength?: (length: number, isAck: boolean) => boolean;
}

const rules = new Map<number, Rule>([
  [frameTypes.data, { name: "data", of: "stream" }],
  [frameTypes.headers, { name: "headers", of: "stream" }],
  [frameTypes.priority, { name: "a priority", of: "stream", hasLength: (length) => length === 5 }],
  [frameTypes.reset, { name: "a reset", of: "stream", hasLength: (length) => length === 4 }],
  [
    frameTypes.settings,
    {
      name: "settings",
      of: "connection",
      hasLength: (length, isAck) => (isAck ? length === 0 : length % 6 === 0),
    },
  ],
  [frameTypes.ping, { name: "a ping", of: "connection", hasLength: (length) => length === 8 }],
  [frameTypes.goAway, { name: "a goodbye", of: "connection", hasLength: (length) => length >= 8 }],
  [frameTypes.windowUpdate, { name: "a window update", of: "either", hasLength: (length) => length === 4 }],
  [frameTypes.continuation, { name: "a continuation", of: "stream" }],
]);

/** Throws Http2Error. */
export function checkFrame({ type, flags: flagBits, stream, payload }: Frame): void {
  if (type === frameTypes.pushPromise) throw new Http2Error(errorCodes.protocol, "clients can't push");
  const rule = rules.get(type);
  if (rule === undefined) return;
  const { name, of, hasLength } = rule;
  if (of !== "either" && (of === "stream") !== (stream !== 0)) {
    throw new Http2Error(errorCodes.protocol, `${name} of stream ${stream}`);
  }
  if (hasLength?.(payload.length, (flagBits & flags.ack) !== 0) === false) {
    throw new Http2Error(errorCodes.frameSize, `${name} of ${payload.length} bytes`);
  }
}

/** Throws Http2Error. */
export function checkSetting(id: number, value: number): void {
  if (id === settings.enablePush && value > 1) {
    throw new Http2Error(errorCodes.protocol, `a push that is neither on nor off, but ${value}`);
  }
  if (id === settings.initialWindow && value > windowBytesMax) {
    throw new Http2Error(errorCodes.flowControl, `a window of ${value} bytes`);
  }
  if (id === settings.frameBytesMax && (value < frameBytesMax || value >= 2 ** 24)) {
    throw new Http2Error(errorCodes.protocol, `frames of up to ${value} bytes`);
  }
}
