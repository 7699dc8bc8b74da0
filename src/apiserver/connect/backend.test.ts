import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { ApiCall } from "#apiserver/request/call.ts";
import { exchange, type Backend } from "./backend.ts";

async function listening(
  handle: RequestListener,
): Promise<{ readonly server: Server; readonly backend: Backend }> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, backend: { host: "127.0.0.1", port, target: "/", tls: undefined } };
}

const callOf = (signal: AbortSignal): ApiCall =>
  ({ method: "GET", header: () => "", headerNames: [], signal }) as unknown as ApiCall;

test("each request has a connection of its own: the backend may have done with the last one", async () => {
  const answered = new Set<Socket>();
  const { server, backend } = await listening(({ socket }, response) => {
    if (answered.has(socket)) socket.destroy();
    else response.end("hi");
    answered.add(socket);
  });
  const call = callOf(new AbortController().signal);
  for (const _ of [1, 2]) assert.equal(await text(await exchange(backend, call, {})), "hi");
  server.close();
  await once(server, "close");
});

test("of a request that nobody waits for any more nothing is said but that", async () => {
  const leaving = new AbortController();
  const gone = new Error("gone");
  const { server, backend } = await listening(() => {
    leaving.abort(gone);
  });
  await assert.rejects(exchange(backend, callOf(leaving.signal), {}), (error) => error === gone);
  server.close();
  await once(server, "close");
});
