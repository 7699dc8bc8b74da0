/** What a client may cost us that asks and doesn't listen; what else a connection does, grpc/server.test.ts shows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { Http2Connection, type Http2ConnectionOptions } from "./connection.ts";
import {
  errorCodes,
  flags,
  FrameReader,
  frameTypes,
  headOf,
  numbersFrame,
  preface,
  settings,
  settingsFrame,
  type Frame,
} from "./frames.ts";
import { encodeHeaders } from "./hpack.ts";

type OpenStream = Http2ConnectionOptions["open"];

interface World {
  readonly clock: ManualClock;
  readonly connection: Http2Connection;
  readonly client: Socket;
  /** All that the server has said so far. */
  readonly heard: Frame[];
}

async function world(t: TestContext, open: OpenStream): Promise<World> {
  const clock = new ManualClock();
  // The test closes what is left open.
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [socket] = await accepted;
  const connection = new Http2Connection(socket, { open, clock, headerBytesMax: 10_000 });
  const heard: Frame[] = [];
  const reader = new FrameReader();
  client.on("data", (chunk) => {
    reader.push(chunk, (frame) => heard.push({ ...frame, payload: Buffer.from(frame.payload) }));
  });
  client.on("error", () => undefined);
  t.after(() => {
    client.destroy();
    server.close();
  });
  return { clock, connection, client, heard };
}

const block = encodeHeaders([{ name: ":method", value: "GET" }]);
const ask = (stream: number): Buffer =>
  Buffer.concat([
    headOf(frameTypes.headers, flags.endStream | flags.endHeaders, stream, block.length),
    block,
  ]);
const ignoring = { data: () => undefined, closed: () => undefined, hasRoom: () => undefined };

test("who asks for more than is kept for him and reads nothing is left", async (t) => {
  const body = Buffer.alloc(2 ** 20);
  let asked = 0;
  const { client, heard } = await world(t, (stream) => {
    asked += 1;
    stream.sendHeaders(encodeHeaders([{ name: ":status", value: "200" }]), false);
    stream.sendData(body, true);
    return ignoring;
  });
  const ended = once(client, "end");
  client.write(Buffer.concat([preface, settingsFrame([[settings.initialWindow, 0]])]));
  for (let stream = 1; stream < 800; stream += 2) client.write(ask(stream));
  await ended;
  assert.ok(asked > 250 && asked < 260, `${asked} streams were answered`);
  const goodbye = heard.find(({ type }) => type === frameTypes.goAway);
  assert.equal(goodbye?.payload.readUInt32BE(4), errorCodes.enhanceYourCalm);
});

test("who was told goodbye and doesn't close is cut off", async (t) => {
  const { client, clock, connection, heard } = await world(t, () => ignoring);
  client.write(Buffer.concat([preface, settingsFrame([])]));
  await once(client, "data");
  connection.leave();
  await once(client, "end");
  assert.equal(heard.at(-1)?.type, frameTypes.goAway);
  const cut = new Promise<void>((resolve) => {
    client.once("close", () => {
      resolve();
    });
  });
  await clock.advance(5000);
  // Without the reset this side stays open for writing as long as it likes.
  const poke = (): void => {
    if (!client.destroyed) client.write(ask(1), () => setImmediate(poke));
  };
  poke();
  await cut;
});

const answering: OpenStream = (stream) => {
  stream.sendHeaders(encodeHeaders([{ name: ":status", value: "200" }]), false);
  return ignoring;
};
const reset = (stream: number): Buffer => numbersFrame(frameTypes.reset, stream, errorCodes.cancel);
const goodbyeOf = (heard: readonly Frame[]): number | undefined =>
  heard.find(({ type }) => type === frameTypes.goAway)?.payload.readUInt32BE(4);
const ping = Buffer.concat([headOf(frameTypes.ping, 0, 0, 8), Buffer.alloc(8)]);

test("thousands of watches may be ended at once, again and again; requests without an answer not", async (t) => {
  for (const [open, code] of [
    [answering, undefined],
    [(): typeof ignoring => ignoring, errorCodes.enhanceYourCalm],
  ] as const) {
    const { client, connection, heard } = await world(t, open);
    client.write(Buffer.concat([preface, settingsFrame([])]));
    let stream = 1;
    for (let round = 0; round < 5; round++) {
      const streams = Array.from({ length: 1000 }, (_, at) => stream + 2 * at);
      client.write(Buffer.concat([...streams.map((id) => ask(id)), ...streams.map((id) => reset(id))]));
      stream += 2000;
    }
    client.write(ping);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (heard.some(({ type }) => type === frameTypes.ping || type === frameTypes.goAway)) resolve();
        else client.once("data", look);
      };
      look();
    });
    assert.equal(goodbyeOf(heard), code);
    assert.equal(connection.openStreams, 0);
  }
});

test("who asks on and on for heads and reads none is left, and cut off", async (t) => {
  const long = encodeHeaders([
    { name: ":status", value: "200" },
    { name: "x", value: "y".repeat(8000) },
  ]);
  const { client, clock, connection } = await world(t, (stream) => {
    stream.sendHeaders(long, true);
    return ignoring;
  });
  client.pause();
  client.write(Buffer.concat([preface, settingsFrame([])]));
  let stream = 1;
  const gone = new Promise<void>((resolve) => {
    client.once("close", () => {
      resolve();
    });
  });
  const more = (): void => {
    if (client.destroyed) return;
    const streams = Array.from({ length: 100 }, (_, at) => stream + 2 * at);
    stream += 200;
    client.write(Buffer.concat(streams.map((id) => ask(id))), () => {
      void clock.advance(1000).then(() => setImmediate(more));
    });
  };
  more();
  await gone;
  assert.equal(connection.openStreams, 0);
  assert.ok(stream < 200_000, `${stream} streams were answered`);
});

test("what comes on a stream after its end ends that stream", async (t) => {
  const data = Buffer.concat([headOf(frameTypes.data, 0, 1, 3), Buffer.alloc(3)]);
  for (const late of [data, ask(1)]) {
    const { client, heard } = await world(t, answering);
    client.write(Buffer.concat([preface, settingsFrame([]), ask(1), late, ping]));
    while (!heard.some(({ type }) => type === frameTypes.ping)) await once(client, "data");
    const told = heard.find(({ type }) => type === frameTypes.reset);
    assert.equal(told?.stream, 1);
    assert.equal(told.payload.readUInt32BE(0), errorCodes.streamClosed);
  }
});

test("a short answer doesn't wait for the end of long ones, which go on in turns", async (t) => {
  const long = Buffer.alloc(8 * 2 ** 20);
  const lengths = [long.length, long.length, 100];
  const { client, heard } = await world(t, (stream) => {
    stream.sendHeaders(encodeHeaders([{ name: ":status", value: "200" }]), false);
    stream.sendData(long.subarray(0, lengths.shift()), true);
    return ignoring;
  });
  const windows = settingsFrame([[settings.initialWindow, 2 ** 30]]);
  const window = numbersFrame(frameTypes.windowUpdate, 0, 2 ** 30);
  client.pause();
  client.write(Buffer.concat([preface, windows, window, ask(1), ask(3)]));
  client.write(ask(5), () => client.resume());
  const endOf = (id: number): number =>
    heard.findIndex(({ stream, flags: bits }) => stream === id && (bits & flags.endStream) !== 0);
  while ([1, 3, 5].some((id) => endOf(id) < 0)) await once(client, "data");
  assert.ok(endOf(5) < endOf(1) && endOf(5) < endOf(3), "the short one is last");
  const begun = heard.findIndex(({ stream, type }) => stream === 3 && type === frameTypes.data);
  assert.ok(begun < endOf(1), "the second begins when the first has ended");
  for (const [id, length] of [
    [1, long.length],
    [3, long.length],
    [5, 100],
  ] as const) {
    const data = heard.filter(({ stream, type }) => stream === id && type === frameTypes.data);
    assert.equal(
      data.reduce((sum, { payload }) => sum + payload.length, 0),
      length,
    );
  }
});
