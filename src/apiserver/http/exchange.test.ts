import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { systemClock } from "#base/clock.ts";
import { bodyOf, ClientGoneError, type RequestHead } from "./exchange.ts";
import { startTestServer } from "#testing/server.ts";
import { Http2Door } from "./http2-door.ts";
import { NodeRequestHead } from "./node-exchange.ts";

/** What `leave` makes of a server's request, looked at once it has closed. */
async function closedRequest(
  server: Server,
  asked: Promise<RequestHead>,
  leave: (port: number) => void,
): Promise<RequestHead> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  leave((server.address() as AddressInfo).port);
  const head = await asked;
  await new Promise<void>((resolve) => {
    head.incoming.once("close", resolve);
  });
  server.close();
  return head;
}

test("a body whose sender has left before anybody reads it fails, and isn't waited for", async () => {
  const server = createHttpServer();
  const asked = once(server, "request").then(
    ([incoming]) => new NodeRequestHead(incoming as IncomingMessage),
  );
  const head = await closedRequest(server, asked, (port) => {
    const socket = connect(port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}", () => {
      setImmediate(() => socket.destroy());
    });
  });
  await assert.rejects(bodyOf(head).bytes(), ClientGoneError);
});

test("half a body of HTTP/2 isn't taken for the whole", async () => {
  const server = createServer();
  const asked = Promise.withResolvers<RequestHead>();
  const limits = { headerBytesMax: 10_000, idleMs: 60_000 };
  const door = new Http2Door({ clock: systemClock, ...limits, handle: asked.resolve });
  server.on("connection", (socket) => {
    door.accept(socket as TLSSocket);
  });
  const head = await closedRequest(server, asked.promise, (port) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":method": "POST" });
    stream.on("error", () => undefined);
    stream.write("{}", () => {
      session.ping(() => {
        stream.close(8);
        session.close();
      });
    });
  });
  await assert.rejects(bodyOf(head).bytes(), ClientGoneError);
});

test("a body that isn't as long as announced breaks its stream off", async () => {
  const server = await startTestServer();
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  const session = connectHttp2(server.url, { ca: server.caPem, cert, key });
  const path = "/api/v1/namespaces/default/configmaps";
  for (const [length, body] of [
    ["99", '{"metadata":{"name":"short"}}'],
    ["5", '{"metadata":{"name":"long"}}'],
    ["3", ""],
  ] as const) {
    const headers = { ":method": "POST", ":path": path, "content-type": "application/json" };
    const stream = session.request({ ...headers, "content-length": length });
    const failed = once(stream, "error") as Promise<[Error & { code: string }]>;
    stream.end(body);
    const [error] = await failed;
    assert.match(error.message, /NGHTTP2_PROTOCOL_ERROR/, length);
  }
  session.close();
  await server.close();
});
