import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { Agent, createServer as createTlsServer } from "node:https";
import { createServer as createPlainServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ManualClock, systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import type { ApiCall } from "#apiserver/request/call.ts";
import { BackendError, exchange, type Backend } from "./backend.ts";

async function listening(
  handle: RequestListener,
): Promise<{ readonly server: Server; readonly backend: Backend }> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, backend: { host: "127.0.0.1", port, target: "/", tls: undefined } };
}

const callOf = (signal: AbortSignal, method = "GET"): ApiCall =>
  ({ method, header: () => "", headerNames: [], signal }) as unknown as ApiCall;
const staying = new AbortController().signal;
const deps = { clock: systemClock };

/** Answers one request on each connection, and ends it at the next. */
function oneEach(): RequestListener {
  const answered = new Set<Socket>();
  return ({ socket }, response) => {
    if (answered.has(socket)) socket.destroy();
    else response.end("hi");
    answered.add(socket);
  };
}

test("each request has a connection of its own: the backend may have done with the last one", async () => {
  const { server, backend } = await listening(oneEach());
  const call = callOf(staying);
  for (const _ of [1, 2]) assert.equal(await text(await exchange(backend, call, {}, deps)), "hi");
  server.close();
  await once(server, "close");
});

test("of a request that nobody waits for any more nothing is said but that", async () => {
  const leaving = new AbortController();
  const gone = new Error("gone");
  const { server, backend } = await listening(() => {
    leaving.abort(gone);
  });
  await assert.rejects(exchange(backend, callOf(leaving.signal), {}, deps), (error) => error === gone);
  server.close();
  await once(server, "close");
});

test("of connections that are kept one that has just ended isn't the backend's answer to who only reads", async () => {
  const ca = createCa({ commonName: "backends", days: 1, clock: systemClock, random: systemRandom });
  const own = issueCertificate(ca, {
    commonName: "own",
    ipAddresses: ["127.0.0.1"],
    usage: "server",
    days: 1,
  });
  const server = createTlsServer({ cert: own.certificatePem, key: own.keyPem }, oneEach());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const tls = { caPem: ca.certificatePem, certificatePem: undefined, keyPem: undefined };
  const backend = { host: "127.0.0.1", port, target: "/", tls, agent };
  for (const _ of [1, 2]) assert.equal(await text(await exchange(backend, callOf(staying), {}, deps)), "hi");
  await assert.rejects(exchange(backend, callOf(staying, "DELETE"), {}, deps), BackendError);
  agent.destroy();
  server.close();
  await once(server, "close");
});

test("a connection that doesn't become secure in time is given up", async () => {
  const connected = Promise.withResolvers<Socket>();
  const server = createPlainServer(connected.resolve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  const tls = { caPem: undefined, certificatePem: undefined, keyPem: undefined };
  const backend = { host: "127.0.0.1", port, target: "/", tls };
  const refused = assert.rejects(exchange(backend, callOf(staying), {}, { clock }), {
    message: "net/http: TLS handshake timeout",
  });
  const socket = await connected.promise;
  // By then the handshake has begun.
  await once(socket, "data");
  await clock.advance(10_000);
  await refused;
  assert.equal(clock.waiting, 0);
  server.close();
  await once(server, "close");
});
