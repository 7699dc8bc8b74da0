import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { createWebSocketStream, WebSocket } from "ws";
import { ManualClock, systemClock } from "#base/clock.ts";
import { Channels, channelV4, channelV5 } from "./channels.ts";
import { servePortForward } from "./port-forward.ts";
import {
  serveRemoteCommand,
  type RemoteCommandOptions,
  type RemoteCommandStreams,
} from "./remote-command.ts";
import { SpdySession } from "./spdy/session.ts";

const success = { metadata: {}, status: "Success" };

/** An exec that answers what it reads, upper case, and says on stderr how much it was. */
async function shout(streams: RemoteCommandStreams): Promise<void> {
  let count = 0;
  for await (const chunk of streams.stdin ?? []) {
    count += (chunk as Buffer).length;
    streams.stdout?.write((chunk as Buffer).toString("latin1").toUpperCase());
  }
  await Promise.all(
    [streams.stderr, streams.stdout].map(
      (stream, at) =>
        new Promise<void>((resolve) => {
          if (stream === undefined) resolve();
          else stream.end(at === 0 ? String(count) : "", () => resolve());
        }),
    ),
  );
  await streams.finish(success);
}

interface Running {
  readonly port: number;
  readonly server: Server;
}

async function serve(
  onUpgrade: (connection: { request: IncomingMessage; socket: Duplex; head: Buffer }) => void,
): Promise<Running> {
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    onUpgrade({ request, socket, head });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

const serveShout = (options: RemoteCommandOptions): Promise<Running> =>
  serve((connection) => {
    void serveRemoteCommand(connection, options, systemClock).then((streams) =>
      streams === undefined ? undefined : shout(streams),
    );
  });

const all: RemoteCommandOptions = { stdin: true, stdout: true, stderr: true, tty: false };

test("exec over WebSocket v5: stdin is half-closed, outputs and the result come back", async () => {
  const { port, server } = await serveShout(all);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/exec`, [channelV5, channelV4]);
  const channels = new Channels(socket, { count: 5, canHalfClose: true, isClient: true });
  const [stdin, stdout, stderr, result] = [0, 1, 2, 3].map((number) => channels.channel(number));
  await new Promise((resolve) => socket.once("open", resolve));
  assert.equal(socket.protocol, channelV5);
  const payload = "abc".repeat(500_000);
  stdin!.end(payload);
  assert.equal(await text(stdout!), payload.toUpperCase());
  assert.equal(await text(stderr!), String(payload.length));
  assert.deepEqual(JSON.parse(await text(result!)), success);
  await channels.closed;
  server.close();
});

test("an unknown subprotocol is refused with 403", async () => {
  const { port, server } = await serveShout(all);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/exec`, ["v9.channel.k8s.io"]);
  const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
  assert.match(error.message, /403/);
  server.close();
});

function upgradeToSpdy(port: number, protocols: string): Promise<{ socket: Duplex; protocol: unknown }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      port,
      method: "POST",
      headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": protocols },
    });
    request.once("upgrade", (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ socket, protocol: response.headers["x-stream-protocol-version"] });
    });
    request.once("error", reject);
    request.end();
  });
}

test("exec over SPDY v4, the way of older clients", async () => {
  const { port, server } = await serveShout(all);
  const { socket, protocol } = await upgradeToSpdy(port, "v4.channel.k8s.io, v3.channel.k8s.io");
  assert.equal(protocol, "v4.channel.k8s.io");
  const session = new SpdySession(socket, { clock: systemClock, isServer: false, onStream: () => false });
  const [error, stdin, stdout, stderr] = ["error", "stdin", "stdout", "stderr"].map((streamtype) =>
    session.open([["streamtype", streamtype]]),
  );
  error!.end();
  stdin!.end("hello");
  assert.equal(await text(stdout!), "HELLO");
  assert.equal(await text(stderr!), "5");
  assert.deepEqual(JSON.parse(await text(error!)), success);
  session.close();
  await session.closed;
  server.close();
});

test("a terminal's sizes arrive", async () => {
  const sizes: string[] = [];
  const seen = Promise.withResolvers<void>();
  const { port, server } = await serve((connection) => {
    void serveRemoteCommand(connection, { ...all, stderr: false, tty: true }, systemClock).then(
      async (streams) => {
        streams?.onResize(({ width, height }) => {
          sizes.push(`${width}x${height}`);
          if (sizes.length === 2) seen.resolve();
        });
        await seen.promise;
        await streams?.finish(success);
      },
    );
  });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/exec`, [channelV5]);
  const channels = new Channels(socket, { count: 5, canHalfClose: true, isClient: true });
  const resize = channels.channel(4);
  const result = channels.channel(3);
  await new Promise((resolve) => socket.once("open", resolve));
  resize.write('{"Width":80,"Height":25}{"Width":100,');
  resize.write('"Height":40}');
  assert.deepEqual(JSON.parse(await text(result)), success);
  assert.deepEqual(sizes, ["80x25", "100x40"]);
  server.close();
});

test("a tunnel whose client is gone is closed at once", async () => {
  const closed = Promise.withResolvers<void>();
  const { port, server } = await serve((connection) => {
    // Its clock stands still.
    const forward = servePortForward(connection, () => undefined, new ManualClock());
    void forward.then((each) => each?.closed).then(closed.resolve);
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, {
    headers: { "Sec-WebSocket-Protocol": "SPDY/3.1+portforward.k8s.io" },
  });
  client.on("error", () => undefined);
  let socket: Socket | undefined;
  client.once("upgrade", (response) => {
    delete response.headers["sec-websocket-protocol"];
    ({ socket } = response);
  });
  await new Promise((resolve) => client.once("open", resolve));
  socket?.resetAndDestroy();
  await closed.promise;
  server.close();
});

for (const [name, transport] of [
  [
    "tunnelled in WebSocket",
    async (port: number): Promise<Duplex> => {
      const protocol = "SPDY/3.1+portforward.k8s.io";
      const client = new WebSocket(`ws://127.0.0.1:${port}/`, {
        headers: { "Sec-WebSocket-Protocol": protocol },
      });
      client.once("upgrade", (response) => {
        assert.equal(response.headers["sec-websocket-protocol"], protocol);
        // The library knows nothing of a protocol with a slash: it mustn't see the answer.
        delete response.headers["sec-websocket-protocol"];
      });
      await new Promise((resolve) => client.once("open", resolve));
      return createWebSocketStream(client);
    },
  ],
  ["over SPDY", async (port: number) => (await upgradeToSpdy(port, "portforward.k8s.io")).socket],
] as const) {
  test(`port-forward ${name}: connections in pairs of streams, errors told`, async () => {
    const { port, server } = await serve((connection) => {
      void servePortForward(
        connection,
        (forwarded) => {
          if (forwarded.port === 81) forwarded.fail("nobody listens");
          else forwarded.data.pipe(forwarded.data);
        },
        systemClock,
      );
    });
    const session = new SpdySession(await transport(port), {
      clock: systemClock,
      isServer: false,
      onStream: () => false,
    });
    const open = (target: number, id: string): { error: Duplex; data: Duplex } => {
      const error = session.open([
        ["streamtype", "error"],
        ["port", String(target)],
        ["requestid", id],
      ]);
      error.end();
      const data = session.open([
        ["streamtype", "data"],
        ["port", String(target)],
        ["requestid", id],
      ]);
      return { error, data };
    };
    const good = open(80, "0");
    const payload = Buffer.alloc(300_000, "x");
    good.data.end(payload);
    assert.ok((await buffer(good.data)).equals(payload));
    assert.equal(await text(good.error), "");
    const bad = open(81, "1");
    assert.equal(await text(bad.error), "nobody listens");
    session.close();
    await session.closed;
    server.close();
  });
}

test("port-forward by channels: ports in the query, each channel begins with its port, errors told", async () => {
  const { port, server } = await serve((connection) => {
    void servePortForward(
      connection,
      (forwarded) => {
        if (forwarded.port === 81) forwarded.fail("nobody listens");
        else forwarded.data.pipe(forwarded.data);
      },
      systemClock,
    );
  });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?port=8080&port=81`, [channelV5, channelV4]);
  const closed = once(socket, "close");
  const received = ["", "", "", ""];
  const answered = Promise.withResolvers<void>();
  socket.on("message", (message: Buffer) => {
    const channel = message[0] ?? 0;
    received[channel] += message.subarray(1).toString("latin1");
    const [data = "", , , error = ""] = received;
    if (data.endsWith("ping") && error.endsWith("listens")) answered.resolve();
  });
  await once(socket, "open");
  assert.equal(socket.protocol, channelV4);
  socket.send(Buffer.from("\0ping"));
  await answered.promise;
  assert.deepEqual(received, ["\x90\x1fping", "\x90\x1f", "Q\0", "Q\0nobody listens"]);
  socket.close();
  await closed;
  server.close();
});

for (const [query, message] of [
  ["", 'query parameter "port" is required'],
  ["?port=", 'query parameter "port" cannot be empty'],
  ["?port=80,http", 'unable to parse "http" as a port'],
  ["?port=65536", 'unable to parse "65536" as a port'],
  ["?port=0", 'port "0" must be > 0'],
] as const) {
  test(`port-forward by channels refuses "${query}"`, async () => {
    const { port, server } = await serve((connection) => {
      void servePortForward(connection, () => undefined, systemClock);
    });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${query}`, channelV4);
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 400);
    assert.equal(await text(response), `${message}\n`);
    server.close();
  });
}
