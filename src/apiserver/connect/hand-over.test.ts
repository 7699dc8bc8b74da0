/** Connections of clients and of backends, and which outlives which. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
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

test("a refusal that doesn't come to its end is told without it after a while", async () => {
  const { client, backend, answer, clock } = await meeting();
  // Now it isn't the dialling that is timed.
  await once(backend, "data");
  backend.write(refusal);
  while (clock.waiting === 0) await new Promise(setImmediate);
  await clock.advance(10_000);
  const { kind, ...told } = await answer;
  assert.deepEqual(
    [kind, told],
    ["raw", { status: 403, headers: { "content-type": "text/x" }, body: Buffer.alloc(0) }],
  );
  client.destroy();
});
