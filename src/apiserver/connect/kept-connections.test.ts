/** Backends that are asked in the clear, again and again: over how many connections. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import type { ApiCall } from "#apiserver/request/call.ts";
import { exchange } from "./backend.ts";
import { KeptConnections } from "./kept-connections.ts";

interface Asked extends AsyncDisposable {
  readonly kept: KeptConnections;
  /** Connections so far, and those that are open. */
  count: number;
  readonly open: ReadonlySet<Socket>;
  ask(method?: string, body?: string): Promise<string>;
}

const staying = new AbortController().signal;

async function asked(listener: RequestListener): Promise<Asked> {
  const server = createServer(listener);
  const kept = new KeptConnections();
  const open = new Set<Socket>();
  const result: Asked = {
    kept,
    count: 0,
    open,
    ask: async (method = "GET", body = "") => {
      const { port } = server.address() as AddressInfo;
      const backend = { host: "127.0.0.1", port, target: "/", tls: undefined, agent: kept };
      const length = body === "" ? "" : String(body.length);
      const call = {
        method,
        header: (name: string) => (name === "content-length" ? length : ""),
        headerNames: [],
        signal: staying,
        body: { bytes: () => Promise.resolve(Buffer.from(body)) },
      } as unknown as ApiCall;
      return text(await exchange(backend, call, {}, { clock: systemClock }));
    },
    [Symbol.asyncDispose]: async () => {
      kept.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  server.on("connection", (socket) => {
    result.count += 1;
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return result;
}

test("who only reads comes over the connection that is there; what can't be repeated over one of its own", async () => {
  await using backend = await asked((request, response) => {
    void text(request).then((body) => response.end(`${request.method ?? ""} ${body}`));
  });
  for (const _ of [1, 2, 3]) assert.equal(await backend.ask(), "GET ");
  assert.equal(backend.count, 1);
  assert.equal(await backend.ask("POST", "abc"), "POST abc");
  assert.equal(await backend.ask("DELETE"), "DELETE ");
  assert.equal(backend.count, 3);
  assert.equal(await backend.ask(), "GET ");
  assert.equal(backend.count, 3);
});

test("a backend that ends its connections when it likes is asked over another one", async () => {
  const answered = new Set<Socket>();
  await using backend = await asked(({ socket }, response) => {
    if (answered.has(socket)) socket.destroy();
    else response.end("hi");
    answered.add(socket);
  });
  for (const _ of [1, 2, 3, 4]) assert.equal(await backend.ask(), "hi");
  for (const _ of [1, 2]) assert.equal(await backend.ask("POST", "abc"), "hi");
});

test("of many at once two stay, and none when they are ended", async () => {
  const waiting: (() => void)[] = [];
  const together = 5;
  await using backend = await asked((_, response) => {
    waiting.push(() => response.end("hi"));
    if (waiting.length === together) for (const answer of waiting) answer();
  });
  await Promise.all(Array.from({ length: together }, () => backend.ask()));
  assert.equal(backend.count, together);
  while (backend.open.size > 2) {
    await Promise.race([...backend.open].map((socket) => once(socket, "close")));
  }
  assert.equal(backend.kept.idle, 2);
  const gone = [...backend.open].map((socket) => once(socket, "close"));
  backend.kept.destroy();
  assert.equal(gone.length, 2);
  await Promise.all(gone);
});
