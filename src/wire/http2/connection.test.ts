/** What a client may cost us that asks and doesn't listen; what else a connection does, grpc/server.test.ts shows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { Http2Connection, type OpenStream } from "./connection.ts";
import {
  errorCodes,
  flags,
  FrameReader,
  frameTypes,
  headOf,
  preface,
  settings,
  settingsFrame,
  type Frame,
} from "./frames.ts";
import { encodeHeaders } from "./hpack.ts";

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
