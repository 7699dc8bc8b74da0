import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { duplexPair, type Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { headerDictionary } from "./dictionary.ts";
import {
  encodeControl,
  encodeDataHead,
  FrameReader,
  frameTypes,
  SpdyProtocolError,
  uint32s,
} from "./frames.ts";
import { HeaderReader, HeaderWriter } from "./headers.ts";
import { SpdySession } from "./session.ts";
import type { SpdyStream } from "./stream.ts";

test("the header dictionary is SPDY/3's", () => {
  const sha1 = createHash("sha1").update(headerDictionary()).digest("hex");
  assert.equal(headerDictionary().length, 1423);
  assert.equal(sha1, createHash("sha1").update(headerDictionary()).digest("hex"));
  let a = 1;
  let b = 0;
  for (const byte of headerDictionary()) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  assert.equal(((b << 16) | a) >>> 0, 0xe3c6a7c2);
});

test("frames survive any cut of the bytes they come in", () => {
  const random = new SeededRandom(7);
  const bytes = Buffer.concat([
    encodeControl(frameTypes.ping, 0, uint32s(1)),
    encodeDataHead(3, false, 5),
    Buffer.from("hello"),
    encodeDataHead(3, true, 0),
    encodeControl(frameTypes.rstStream, 0, uint32s(3, 5)),
  ]);
  for (let round = 0; round < 200; round++) {
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + Math.floor(random.next() * 9));
      frames.push(...reader.push(bytes.subarray(at, end)));
      at = end;
    }
    assert.equal(frames.length, 4);
    assert.deepEqual(frames[1], { kind: "data", stream: 3, isLast: false, data: Buffer.from("hello") });
    assert.deepEqual(frames[2], { kind: "data", stream: 3, isLast: true, data: Buffer.alloc(0) });
  }
});

test("a header block that is being read when its session ends is given up", async () => {
  const reader = new HeaderReader();
  const reading = reader.decode(new HeaderWriter().encode([["streamtype", "data"]]));
  reader.close();
  await assert.rejects(reading, /the SPDY connection was closed/);
});

test("header blocks come back as they went, one after the other", async () => {
  const writer = new HeaderWriter();
  const reader = new HeaderReader();
  for (let i = 0; i < 20; i++) {
    const headers: [string, string][] = [
      ["streamtype", "data"],
      ["port", String(8000 + i)],
      ["requestid", "x".repeat(i * 300)],
    ];
    assert.deepEqual([...(await reader.decode(writer.encode(headers)))], headers);
  }
  reader.close();
});

test("noise is a protocol error, never a crash or a hang", async () => {
  const random = new SeededRandom(11);
  for (let round = 0; round < 300; round++) {
    const noise = random.bytes(1 + Math.floor(random.next() * 200));
    const reader = new FrameReader();
    try {
      reader.push(noise);
    } catch (error) {
      assert.ok(error instanceof SpdyProtocolError);
    }
    const headers = new HeaderReader();
    await assert.rejects(headers.decode(noise), SpdyProtocolError);
    headers.close();
  }
});

function sessions(onStream: (stream: SpdyStream) => boolean): {
  client: SpdySession;
  server: SpdySession;
  wire: Duplex;
} {
  const [left, right] = duplexPair();
  return {
    server: new SpdySession(right, { clock: systemClock, isServer: true, onStream }),
    client: new SpdySession(left, { clock: systemClock, isServer: false, onStream: () => false }),
    wire: left,
  };
}

test("a megabyte goes both ways over one stream, half-closes included", async () => {
  const { client, server } = sessions((stream) => {
    stream.pipe(stream);
    return true;
  });
  const payload = new SeededRandom(3).bytes(1 << 20);
  const stream = client.open([["streamtype", "data"]]);
  stream.end(payload);
  const back = await buffer(stream);
  assert.ok(back.equals(payload));
  client.close();
  await Promise.all([client.closed, server.closed]);
});

test("a refused stream is reset, the others go on", async () => {
  const { client } = sessions((stream) => {
    if (stream.headers.get("streamtype") !== "good") return false;
    stream.end("yes");
    stream.resume();
    return true;
  });
  const bad = client.open([["streamtype", "bad"]]);
  const failed = Promise.withResolvers<Error>();
  bad.once("error", failed.resolve);
  assert.match((await failed.promise).message, /reset/);
  const good = client.open([["streamtype", "good"]]);
  good.end();
  assert.equal((await buffer(good)).toString(), "yes");
  client.close();
});

test("a peer that keeps windows gets no more than its window, and the rest after it widens", async () => {
  const [wire, side] = duplexPair();
  const session = new SpdySession(side, { clock: systemClock, isServer: true, onStream: () => true });
  const reader = new FrameReader();
  let received = 0;
  wire.on("data", (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) if (frame.kind === "data") received += frame.data.length;
  });
  // SETTINGS: one entry, initial window 1000.
  wire.write(encodeControl(frameTypes.settings, 0, uint32s(1, 7, 1000)));
  await new Promise((resolve) => setImmediate(resolve));
  const stream = session.open([]);
  const sent = Promise.withResolvers<void>();
  stream.write(Buffer.alloc(1500), () => {
    sent.resolve();
  });
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(received, 1000);
  wire.write(encodeControl(frameTypes.windowUpdate, 0, uint32s(stream.id, 600)));
  await sent.promise;
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(received, 1500);
  side.destroy();
  await session.closed;
});

test("when the connection dies, every stream fails", async () => {
  const { client, wire } = sessions(() => true);
  const stream = client.open([["streamtype", "data"]]);
  const failed = Promise.withResolvers<Error>();
  stream.once("error", failed.resolve);
  wire.destroy();
  assert.match((await failed.promise).message, /closed/);
});
