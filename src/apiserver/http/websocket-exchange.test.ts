import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { WebSocket } from "ws";
import { ManualClock } from "#base/clock.ts";
import { ClientGoneError } from "./exchange.ts";
import { WebSocketExchange } from "./websocket-exchange.ts";
import { BodyWriter } from "./writer.ts";

/** A client that reads nothing, and the other end with a message that it waits to get rid of. */
async function stuck(): Promise<{
  client: WebSocket;
  waiting: Promise<void>;
  clock: ManualClock;
  close: () => void;
}> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on("error", () => undefined);
  const [incoming, socket, head] = (await once(server, "upgrade")) as [IncomingMessage, Duplex, Buffer];
  const exchange = new WebSocketExchange(incoming, socket, head);
  exchange.accept("", true);
  await once(client, "open");
  client.pause();
  const clock = new ManualClock();
  const writer = new BodyWriter(exchange, clock);
  // More than the system keeps for both ends.
  const waiting = writer.write(Buffer.alloc(32 << 20, "x"));
  assert.ok(waiting !== undefined);
  const close = (): void => {
    client.terminate();
    server.close();
  };
  return { client, waiting, clock, close };
}

test("who doesn't read is waited for, until there is room again", async () => {
  const { client, waiting, close } = await stuck();
  client.resume();
  await waiting;
  close();
});

test("who doesn't read for long is cut off", async () => {
  const { client, waiting, clock, close } = await stuck();
  const closed = once(client, "close");
  const refused = assert.rejects(waiting, ClientGoneError);
  await clock.advance(60_000);
  await refused;
  client.resume();
  const [code] = (await closed) as [number];
  assert.equal(code, 1006);
  close();
});

test("who is gone is written to no more", async () => {
  const { client, waiting, close } = await stuck();
  const refused = assert.rejects(waiting, ClientGoneError);
  client.terminate();
  await refused;
  close();
});
