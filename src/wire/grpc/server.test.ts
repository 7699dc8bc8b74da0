/** Calls by Node's own HTTP/2 client and by grpc-js; what breaks the protocol, by raw bytes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { ManualClock } from "#base/clock.ts";
import {
  errorCodes,
  flags,
  frameTypes,
  headOf,
  numbersFrame,
  preface,
  settingsFrame,
} from "../http2/frames.ts";
import { encodeHeaders } from "../http2/hpack.ts";
import { GrpcServer } from "./server.ts";
import { GrpcError, status } from "./status.ts";

const messageBytesMax = 20 * 2 ** 20;

interface Served extends AsyncDisposable {
  readonly port: number;
  readonly clock: ManualClock;
  /** Of calls of Wait. */
  readonly signals: AbortSignal[];
}

async function serve(): Promise<Served> {
  const clock = new ManualClock();
  const server = new GrpcServer({
    clock,
    messageBytesMax,
    http: ({ url }, response) => {
      response.end(`plain ${url}`);
    },
  });
  const signals: AbortSignal[] = [];
  server.add("test.Test", "Echo", { kind: "unary", run: (request) => Promise.resolve(request) });
  server.add("test.Test", "Fail", {
    kind: "unary",
    run: () => Promise.reject(new GrpcError(status.notFound, "100 % lost:\nnämlich")),
  });
  server.add("test.Test", "Wait", {
    kind: "unary",
    run: (request, { signal }) =>
      new Promise((resolve) => {
        signals.push(signal);
        signal.addEventListener("abort", () => {
          resolve(request);
        });
      }),
  });
  server.add("test.Test", "EchoAll", {
    kind: "stream",
    run: async (stream) => {
      for await (const message of stream.messages) if (!stream.write(message)) await stream.drained();
    },
  });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  return { port, clock, signals, [Symbol.asyncDispose]: () => server.close() };
}

const same = (bytes: Buffer): Buffer => bytes;

class Caller implements Disposable {
  readonly #client: Client;

  constructor(port: number) {
    const options = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  }

  call(method: string, request: Buffer, deadlineMs?: number): Promise<Buffer> {
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(`/test.Test/${method}`, same, same, request, options, (error, answer) => {
        if (error === null) resolve(answer ?? Buffer.alloc(0));
        else reject(error);
      });
    });
  }

  get client(): Client {
    return this.#client;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

test("messages of any size there and back, many at once", async () => {
  await using served = await serve();
  using caller = new Caller(served.port);
  const sizes = [0, 1, 5, 8192, 8193, 16_384, 65_530, 100_000, 1_500_000, 12_000_000];
  const answers = await Promise.all(sizes.map((size) => caller.call("Echo", Buffer.alloc(size, size % 251))));
  assert.deepEqual(
    answers.map(({ length }) => length),
    sizes,
  );
  assert.ok(
    answers.every((answer, at) => answer.equals(Buffer.alloc(answer.length, (sizes[at] ?? 0) % 251))),
  );
  const many = await Promise.all(
    Array.from({ length: 500 }, (_, at) => caller.call("Echo", Buffer.from(`${at}`))),
  );
  assert.deepEqual(
    many.map(String),
    Array.from({ length: 500 }, (_, at) => String(at)),
  );
});

const refusals: readonly (readonly [string, string, Buffer, string])[] = [
  ["an error's text comes through, whatever is in it", "Fail", Buffer.alloc(1), "5 100 % lost:\nnämlich"],
  ["an unknown method", "Nope", Buffer.alloc(1), "12 unknown method Nope for service test.Test"],
  [
    "a message over the limit",
    "Echo",
    Buffer.alloc(messageBytesMax + 1),
    `8 grpc: received message larger than max (${messageBytesMax + 1} vs. ${messageBytesMax})`,
  ],
];
for (const [title, method, request, wanted] of refusals) {
  test(title, async () => {
    await using served = await serve();
    using caller = new Caller(served.port);
    await assert.rejects(caller.call(method, request), ({ code, details }: ServiceError) => {
      assert.equal(`${code} ${details}`, wanted);
      return true;
    });
    assert.equal(String(await caller.call("Echo", Buffer.from("still here"))), "still here");
  });
}

test("a stream whose client doesn't read holds its sender up, and loses nothing", async () => {
  await using served = await serve();
  using caller = new Caller(served.port);
  const stream = caller.client.makeBidiStreamRequest("/test.Test/EchoAll", same, same);
  const count = 400;
  for (let at = 0; at < count; at++) {
    const message = Buffer.alloc(40_000);
    message.writeUInt32BE(at);
    stream.write(message);
  }
  stream.end();
  const seen: number[] = [];
  for await (const message of stream as AsyncIterable<Buffer>) {
    assert.equal(message.length, 40_000);
    seen.push(message.readUInt32BE());
  }
  assert.deepEqual(
    seen,
    Array.from({ length: count }, (_, at) => at),
  );
});

test("who gives up, and whose connection ends, is noticed", async () => {
  await using served = await serve();
  const { signals } = served;
  using caller = new Caller(served.port);
  const call = caller.client.makeUnaryRequest(
    "/test.Test/Wait",
    same,
    same,
    Buffer.alloc(1),
    () => undefined,
  );
  await until(() => signals.length === 1);
  call.cancel();
  await until(() => signals[0]?.aborted === true);
  const session = await sessionOf(served.port);
  callWith(session, "Wait");
  await until(() => signals.length === 2);
  session.destroy();
  await until(() => signals[1]?.aborted === true);
});

test("a deadline ends a call", async () => {
  await using served = await serve();
  const session = await sessionOf(served.port);
  const request = callWith(session, "Wait", { "grpc-timeout": "1500m" });
  await until(() => served.signals.length === 1);
  await served.clock.advance(1499);
  assert.equal(served.signals[0]?.aborted, false);
  const answered = once(request, "response");
  await served.clock.advance(1);
  assert.ok(served.signals[0].aborted);
  const [headers] = (await answered) as [Record<string, string>];
  assert.deepEqual([headers["grpc-status"], headers["grpc-message"]], ["4", "context deadline exceeded"]);
  session.destroy();
});

test("what is no call of gRPC's is told so by HTTP", async () => {
  await using served = await serve();
  const session = await sessionOf(served.port);
  const get = session.request({ ":method": "GET", ":path": "/test.Test/Echo" });
  const plain = session.request({
    ":method": "POST",
    ":path": "/test.Test/Echo",
    "content-type": "text/plain",
  });
  const heads = await Promise.all([get, plain].map((stream) => once(stream, "response") as Promise<[Head]>));
  assert.deepEqual(
    heads.map(([head]) => head[":status"]),
    [405, 415],
  );
  session.destroy();
});

type Head = Record<string, number>;

test("an authority that is a path, as etcdctl 3.4 sends it for unix sockets, is nobody's business", async () => {
  await using served = await serve();
  const raw = await RawClient.connect(served.port);
  raw.send(callFrame(1, [[":authority", "/run/etcd.sock"]]), dataFrame(1, Buffer.from([0, 0, 0, 0, 1, 7])));
  await until(() => raw.received.includes(Buffer.from([0, 0, 0, 0, 1, 7])));
  raw.close();
});

test("headers in pieces, frames in pieces, padding and priorities", async () => {
  await using served = await serve();
  const raw = await RawClient.connect(served.port);
  const block = blockOf([["x-long", "y".repeat(5000)]]);
  const priority = Buffer.from([0, 0, 0, 0, 16]);
  const padded = Buffer.concat([Buffer.of(3), priority, block.subarray(0, 100), Buffer.alloc(3)]);
  const headFlags = flags.padded | flags.priority;
  const bytes = Buffer.concat([
    framed(frameTypes.headers, headFlags, 1, padded),
    framed(frameTypes.continuation, 0, 1, block.subarray(100, 4000)),
    framed(frameTypes.continuation, flags.endHeaders, 1, block.subarray(4000)),
    framed(frameTypes.priority, 0, 1, priority),
    framed(
      frameTypes.data,
      flags.padded,
      1,
      Buffer.concat([Buffer.of(2), Buffer.from([0, 0, 0]), Buffer.alloc(2)]),
    ),
    framed(99, 0, 0, Buffer.from("what nobody knows")),
    dataFrame(1, Buffer.from([0, 2, 8, 9])),
  ]);
  for (const byte of bytes) {
    raw.send(Buffer.of(byte));
    if (byte === 9) await turn();
  }
  await until(() => raw.received.includes(Buffer.from([0, 0, 0, 0, 2, 8, 9])));
  raw.close();
});

const call = callFrame(1, []);
const breaches: readonly (readonly [string, Buffer, number])[] = [
  ["data on a stream that was never opened", dataFrame(1, Buffer.alloc(1)), errorCodes.protocol],
  ["a stream that only a server could open", callFrame(2, []), errorCodes.protocol],
  ["a frame of more than 16 KiB", headOf(frameTypes.data, 0, 1, 16_385), errorCodes.frameSize],
  ["a block that is interrupted", Buffer.concat([openBlock(1), call]), errorCodes.protocol],
  ["a continuation of nothing", framed(frameTypes.continuation, 0, 1, Buffer.alloc(1)), errorCodes.protocol],
  ["a block without an end", Buffer.concat(Array.from({ length: 6 }, endless)), errorCodes.enhanceYourCalm],
  [
    "a block that is none",
    framed(frameTypes.headers, flags.endHeaders, 1, Buffer.of(0x80)),
    errorCodes.compression,
  ],
  ["a push", framed(frameTypes.pushPromise, 0, 1, Buffer.alloc(4)), errorCodes.protocol],
  ["a ping that is cut off", framed(frameTypes.ping, 0, 0, Buffer.alloc(7)), errorCodes.frameSize],
  ["settings that are cut off", framed(frameTypes.settings, 0, 0, Buffer.alloc(5)), errorCodes.frameSize],
  ["a window that grows by nothing", numbersFrame(frameTypes.windowUpdate, 0, 0), errorCodes.protocol],
  [
    "a window that grows too large",
    numbersFrame(frameTypes.windowUpdate, 0, 2 ** 31 - 1),
    errorCodes.flowControl,
  ],
  ["a window that settings make too large", settingsFrame([[4, 2 ** 31]]), errorCodes.flowControl],
  ["padding longer than its frame", Buffer.concat([call, overpadded()]), errorCodes.protocol],
];
for (const [title, bytes, code] of breaches) {
  test(`${title} ends the connection`, async () => {
    await using served = await serve();
    const raw = await RawClient.connect(served.port);
    raw.send(bytes);
    await raw.ended;
    const goodbye = raw.received.subarray(-17);
    assert.deepEqual([goodbye[3], goodbye.readUInt32BE(13)], [frameTypes.goAway, code]);
  });
}

test("who speaks HTTP/1.1 is answered on the same port, and who speaks nothing known is left", async () => {
  await using served = await serve();
  const answer = await fetch(`http://127.0.0.1:${served.port}/here`);
  assert.equal(await answer.text(), "plain /here");
  for (const text of ["PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n", "\u0000\u0001\u0002\u0003\r\n\r\n"]) {
    const socket = connect(served.port, "127.0.0.1");
    socket.resume();
    socket.write(text);
    await once(socket, "close");
  }
});

test("a stream that is sent more than its window allows is reset, and the others go on", async () => {
  await using served = await serve();
  const raw = await RawClient.connect(served.port);
  raw.send(callFrame(1, [], "EchoAll"));
  // 100 messages of 16 KiB that nobody takes back from: the client's own window stays shut.
  const message = Buffer.alloc(16_384);
  message.writeUInt32BE(message.length - 5, 1);
  for (let at = 0; at < 200; at++) raw.send(framed(frameTypes.data, 0, 1, message));
  const reset = numbersFrame(frameTypes.reset, 1, errorCodes.flowControl);
  await until(() => raw.received.includes(reset));
  raw.send(callFrame(3, []), dataFrame(3, Buffer.from([0, 0, 0, 0, 0])));
  await until(() => raw.received.includes(headOf(frameTypes.headers, flags.endHeaders, 3, 0).subarray(3)));
  raw.close();
});

class RawClient {
  readonly #socket: Socket;
  readonly ended: Promise<unknown>;
  #chunks: Buffer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = once(socket, "close");
    socket.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on("error", () => undefined);
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new RawClient(socket);
    await once(socket, "connect");
    client.send(preface, settingsFrame([]));
    return client;
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(...frames: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(frames));
  }

  close(): void {
    this.#socket.destroy();
  }
}

function framed(type: number, flagBits: number, stream: number, payload: Buffer): Buffer {
  return Buffer.concat([headOf(type, flagBits, stream, payload.length), payload]);
}

function blockOf(more: readonly (readonly [string, string])[], method = "Echo"): Buffer {
  const headers = [
    [":method", "POST"],
    [":path", `/test.Test/${method}`],
    ["content-type", "application/grpc"],
    ...more,
  ] as const;
  return encodeHeaders(headers.map(([name, value]) => ({ name, value })));
}

function callFrame(stream: number, more: readonly (readonly [string, string])[], method?: string): Buffer {
  return framed(frameTypes.headers, flags.endHeaders, stream, blockOf(more, method));
}

function dataFrame(stream: number, payload: Buffer): Buffer {
  return framed(frameTypes.data, flags.endStream, stream, payload);
}

function openBlock(stream: number): Buffer {
  return framed(frameTypes.headers, 0, stream, blockOf([]));
}

function endless(_: unknown, at: number): Buffer {
  return framed(at === 0 ? frameTypes.headers : frameTypes.continuation, 0, 1, Buffer.alloc(16_000));
}

function overpadded(): Buffer {
  return framed(frameTypes.data, flags.padded, 1, Buffer.of(9, 0));
}

async function sessionOf(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  await once(session, "connect");
  return session;
}

function callWith(session: ClientHttp2Session, method: string, more: Record<string, string> = {}) {
  const head = { ":method": "POST", ":path": `/test.Test/${method}`, "content-type": "application/grpc" };
  const request = session.request({ ...head, ...more });
  request.on("error", () => undefined);
  request.end(Buffer.from([0, 0, 0, 0, 0]));
  return request;
}

/** Ends with the test's own time when it never comes. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}
