/** Damaged SPDY frames, thrown at our own end of them. A protocol error is an answer, anything else isn't. */
import { duplexPair } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { encodeControl, encodeDataHead, frameTypes, uint32s } from "#wire/spdy/frames.ts";
import { HeaderWriter } from "#wire/spdy/headers.ts";
import { SpdySession } from "#wire/spdy/session.ts";
import type { Choice } from "./choice.ts";
import { mutateBytes } from "./mutations.ts";

export function goodFrames(choice: Choice): Buffer {
  const writer = new HeaderWriter();
  const parts: Buffer[] = [];
  for (let id = 1, rest = 1 + choice.int(6); rest > 0; rest--, id += 2) {
    const headers = writer.encode([["streamtype", choice.pick(["error", "stdin", "data"])]]);
    parts.push(
      encodeControl(frameTypes.synStream, 0, Buffer.concat([uint32s(id, 0), Buffer.alloc(2), headers])),
    );
    if (choice.chance(0.7)) parts.push(encodeDataHead(id, choice.chance(0.3), 5), Buffer.from("hello"));
    const kind = choice.int(6);
    if (kind === 0) parts.push(encodeControl(frameTypes.ping, 0, uint32s(choice.int(9))));
    if (kind === 1) parts.push(encodeControl(frameTypes.settings, 0, uint32s(1, 7, choice.int(2) * 65_536)));
    if (kind === 2) parts.push(encodeControl(frameTypes.windowUpdate, 0, uint32s(id, 0x7fffffff)));
    if (kind === 3) parts.push(encodeControl(frameTypes.rstStream, 0, uint32s(id, 5)));
    if (kind === 4) parts.push(encodeControl(frameTypes.goAway, 0, uint32s(id, 0)));
    if (kind === 5) parts.push(encodeControl(choice.int(12), choice.int(4), choice.bytes(choice.int(20))));
  }
  return Buffer.concat(parts);
}

/** Resolves when the session has ended, as it must once its connection has. What it throws, nobody catches. */
export async function runFrameCase(choice: Choice, clock: Clock): Promise<void> {
  const [ours, theirs] = duplexPair();
  theirs.on("error", () => undefined);
  theirs.resume();
  const session = new SpdySession(ours, {
    clock,
    isServer: true,
    onStream: (stream) => {
      stream.on("error", () => undefined);
      if (choice.chance(0.5)) stream.resume();
      if (choice.chance(0.3)) stream.end("back");
      return choice.chance(0.8);
    },
  });
  const good = goodFrames(choice);
  const bytes = choice.chance(0.8) ? mutateBytes(good, choice) : good;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + choice.int(200));
    if (!theirs.destroyed) theirs.write(bytes.subarray(at, end));
    at = end;
  }
  if (choice.chance(0.3)) session.close();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  theirs.destroy();
  ours.destroy();
  await session.closed;
}
