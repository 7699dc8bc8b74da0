/** Connections of clients and of backends, and which outlives which. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, suite, test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import type { Answer } from "#apiserver/request/call.ts";
import type { Backend } from "./backend.ts";
import { handOver } from "./hand-over.ts";

const servers: Server[] = [];
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function listening(): Promise<Server> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

after(() => {
  for (const server of servers) server.close();
});

const [front, behind] = [await listening(), await listening()];

interface Meeting {
  /** His end of his connection. */
  readonly client: Socket;
  /** Ours of it. */
  readonly socket: Socket;
  readonly backend: Socket;
  readonly answer: Promise<Answer>;
  readonly clock: ManualClock;
}

/** A client's connection on its way to a backend that has just been connected to. */
async function meeting(tls?: Backend["tls"], allowHalfOpen = false): Promise<Meeting> {
  const connecting = once(front, "connection");
  const client = connect({ port: portOf(front), host: "127.0.0.1", allowHalfOpen });
  const [socket] = (await connecting) as [Socket];
  for (const each of [client, socket]) each.on("error", () => undefined);
  // As one that a request has come over: what comes next is read, though not yet by anybody.
  socket.read(0);
  const clock = new ManualClock();
  const dialling = once(behind, "connection");
  const target = { host: "127.0.0.1", port: portOf(behind), target: "/x", tls };
  const upgrade = { socket, head: Buffer.alloc(0), rawHeaders: ["Connection", "Upgrade", "Upgrade", "echo"] };
  const answer = handOver(target, "GET", upgrade, { clock });
  answer.catch(() => undefined);
  const [backend] = (await dialling) as [Socket];
  backend.on("error", () => undefined);
  return { client, socket, backend, answer, clock };
}

const anyTls = { caPem: undefined, certificatePem: undefined, keyPem: undefined };
const agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const refusal = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/x\r\nContent-Length: 10\r\n\r\nhalf";

suite("a client that leaves takes the backend's connection with him", () => {
  for (const [when, tls, said] of [
    ["before it is secure", anyTls, ""],
    ["before it is answered", undefined, ""],
    ["before a refusal is whole", undefined, refusal],
    ["after it is agreed to", undefined, agreed],
  ] as const) {
    test(when, async () => {
      const { client, backend, answer } = await meeting(tls);
      backend.resume();
      backend.write(said);
      if (said === agreed) await answer;
      client.destroy();
      await once(backend, "close");
      await answer.catch((error: unknown) => {
        assert.ok(error instanceof StatusError);
      });
    });
  }

  test("and one that is gone already has none opened", async () => {
    const socket = connect({ port: portOf(front), host: "127.0.0.1" });
    socket.destroy();
    const upgrade = { socket, head: Buffer.alloc(0), rawHeaders: [] };
    const target = { host: "127.0.0.1", port: portOf(behind), target: "/", tls: undefined };
    await assert.rejects(handOver(target, "GET", upgrade, { clock: new ManualClock() }), {
      message: "the client is gone",
    });
  });
});

test("a client who says more than the backend has taken loses his connection all the same", async () => {
  const { client, socket, backend, answer } = await meeting(undefined, true);
  backend.resume();
  backend.write(agreed);
  await answer;
  backend.destroy();
  client.resume();
  await once(client, "end");
  await new Promise((written) => client.write(Buffer.alloc(1 << 20), written));
  client.destroy();
  await once(socket, "close");
});

/** All that the client hears, once the backend has said that and ended, and what his request has come to. */
async function heardOf(said: string, body = ""): Promise<readonly [string, Answer]> {
  const { client, backend, answer } = await meeting();
  await once(backend, "data");
  backend.write(said);
  backend.end(body);
  const [heard, told] = await Promise.all([text(client), answer]);
  return [heard, told];
}

suite("what a backend says that refuses is what the client hears, and nothing else", () => {
  const long = "x".repeat(3 << 20);
  const cases: readonly (readonly [name: string, said: string, heard: string, body?: string])[] = [
    [
      "with its headers, also those that there are several of, in its words",
      "HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno",
      "HTTP/1.1 401 Who are you\r\nContent-Length: 2\r\nWWW-Authenticate: Basic\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nRetry-After: 3\r\n\r\nno",
    ],
    [
      "in chunks",
      "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nno\r\n0\r\nLate: 1\r\n\r\n",
      "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nno\r\n0\r\n\r\n",
    ],
    [
      "in chunks, with what it has announced for their end",
      "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nTrailer: Late\r\n\r\n2\r\nno\r\n0\r\nLate: 1\r\n\r\n",
      "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nTrailer: Late\r\n\r\n2\r\nno\r\n0\r\nLate: 1\r\n\r\n",
    ],
    [
      "in chunks that it doesn't end",
      "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n",
      "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n",
    ],
    [
      "up to the end of its connection, which the client is told of",
      "HTTP/1.1 500 Oh\r\nX-A: b\r\n\r\nno",
      "HTTP/1.1 500 Oh\r\nConnection: close\r\nX-A: b\r\n\r\nno",
    ],
    [
      "up to the end of its connection, as it says itself",
      "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\nno",
      "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\nno",
    ],
    [
      "without a body",
      "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n",
      "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n",
    ],
    [
      "in the version it speaks",
      "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
      "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    ],
    [
      "less than it has announced",
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nhalf",
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nhalf",
    ],
    [
      "at length",
      `HTTP/1.1 403 Forbidden\r\nContent-Length: ${long.length}\r\n\r\n`,
      `HTTP/1.1 403 Forbidden\r\nContent-Length: ${long.length}\r\n\r\n${long}`,
      long,
    ],
  ];
  for (const [name, said, heard, body] of cases) {
    test(name, async () => {
      assert.deepEqual(await heardOf(said, body), [heard, { kind: "hijacked" }]);
    });
  }
});

test("what a backend says before anything else is its answer, and none that one could go by", async () => {
  for (const [said, code] of [
    ["HTTP/1.1 100 Continue\r\n\r\n", 100],
    ["HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n", 103],
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200],
    ["HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302],
  ] as const) {
    const { client, backend, answer } = await meeting();
    await once(backend, "data");
    backend.write(said);
    await assert.rejects(answer, { message: `invalid upgrade response: status code ${code}` });
    client.destroy();
  }
});

test("a refusal that doesn't come to its end is told as far as it went after a while", async () => {
  const { client, backend, answer, clock } = await meeting();
  // Now it isn't the dialling that is timed.
  await once(backend, "data");
  backend.write(refusal);
  const heard = text(client);
  while (clock.waiting === 0) await new Promise(setImmediate);
  await once(client, "readable");
  await clock.advance(10_000);
  assert.deepEqual(await answer, { kind: "hijacked" });
  assert.match(await heard, /^HTTP\/1\.1 403 Forbidden\r\n.*\r\n\r\nhalf$/s);
});

test("nor is one told to a client that doesn't hear it", async () => {
  const { socket, backend, answer, clock } = await meeting();
  await once(backend, "data");
  backend.write("HTTP/1.1 403 Forbidden\r\n\r\n");
  const more = Buffer.alloc(1 << 20);
  while (backend.write(more) || backend.writableLength < 64 << 20) await new Promise(setImmediate);
  const gone = new Promise((resolve) => backend.once("close", resolve));
  while (clock.waiting === 0) await new Promise(setImmediate);
  await clock.advance(10_000);
  await Promise.all([answer, gone]);
  assert.equal(socket.destroyed, true);
});
